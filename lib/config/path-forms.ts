/** Forms of paths and of what belongs to them. */
import { posix } from 'node:path';
import { FormError } from '../form-error.ts';
import type { Form } from './form.ts';

export const readableFile: Form<string> = {
  words: 'path of a file that Runtime Manager can read',
  parse(text, { fileReadable }) {
    if (!fileReadable(text)) throw new FormError('is not a readable file');
    return text;
  },
};

/** @returns the path without a slash at its end */
export const absolutePath: Form<string> = {
  words: 'an absolute path other than `/`, without `.`, `..` or double slashes',
  parse(text) {
    if (!text.startsWith('/')) throw new FormError('is not absolute');
    // Refused rather than resolved: beside symbolic links `..` does not mean what the text says.
    const path = text.replace(/(?<=.)\/$/, '');
    if (posix.normalize(path) !== path) throw new FormError('is not normalised');
    if (path === '/') throw new FormError('is the root of the file system');
    return path;
  },
};

export const directoryMode: Form<number> = {
  words: 'three or four octal digits that give the owner all rights, such as `0750`',
  parse(text) {
    if (!/^[0-7]{3,4}$/.test(text)) throw new FormError('is not an octal mode');
    const mode = Number.parseInt(text, 8);
    if ((mode & 0o700) !== 0o700)
      throw new FormError('keeps the owner, the engine, out of its own directory');
    return mode;
  },
};
