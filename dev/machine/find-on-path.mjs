import { accessSync, constants } from 'node:fs';
import path from 'node:path';

// A plain user's PATH leaves out the directories that daemons live in.
const ALSO = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The first executable of that name, or nothing. */
export function findOnPath(name) {
  const directories = [...(process.env.PATH ?? '').split(path.delimiter), ...ALSO];
  return directories
    .filter(Boolean)
    .map((dir) => path.join(dir, name))
    .find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
