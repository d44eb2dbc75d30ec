import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { ROOT_DIR } from '../../dev/paths.ts';
import { listDocuments } from '../helpers/documents.ts';

interface Link {
  readonly from: string;
  /** The file that it leads to, from the root of the repository. */
  readonly to: string;
  /** The heading in it, '' for its beginning. */
  readonly anchor: string;
}

const documents = listDocuments();

/** What is written as code links to nothing. */
const withoutCode = (text: string): string =>
  text.replace(/^```.*?^```/gms, '').replace(/`[^`\n]*`/g, (code) => (code.includes('](') ? '' : code));

function linksOf(from: string, text: string): Link[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [file = '', anchor = ''] = target.split('#');
    const to = file === '' ? from : path.normalize(path.join(path.dirname(from), file));
    return [{ from, to, anchor }];
  });
}

/** The anchors that a document's headings get: lower case, no punctuation, hyphens for spaces, numbers for repeats. */
function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of text.replace(/^```.*?^```/gms, '').matchAll(/^#{1,6} (.+)$/gm)) {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let repeat = 1; anchors.has(anchor); repeat += 1) anchor = `${slug}-${repeat}`;
    anchors.add(anchor);
  }
  return anchors;
}

const links = documents.flatMap(({ file, text }) => linksOf(file, text));

describe('the links between the documents', () => {
  for (const { file } of documents) {
    it(`of ${file} lead somewhere`, () => {
      const broken = links.filter(({ from, to, anchor }) => {
        if (from !== file) return false;
        if (!existsSync(path.join(ROOT_DIR, to))) return true;
        const target = documents.find((one) => one.file === to);
        return anchor !== '' && !(target && anchorsOf(target.text).has(anchor));
      });
      expect(broken.map(({ to, anchor }) => `${to}#${anchor}`)).to.deep.equal([]);
    });
  }

  it('lead from README.md to every document within two clicks', () => {
    const follow = (from: ReadonlySet<string>): Set<string> =>
      new Set(links.filter((link) => from.has(link.from)).map(({ to }) => documentAt(to)));
    const near = follow(new Set(['README.md']));
    const reached = new Set(['README.md', ...near, ...follow(near)]);
    expect(documents.map(({ file }) => file).filter((file) => !reached.has(file))).to.deep.equal([]);
  });
});

/** A folder is read by its README.md. */
const documentAt = (to: string): string => {
  const readme = path.join(to, 'README.md');
  return documents.some(({ file }) => file === readme) ? readme : to;
};
