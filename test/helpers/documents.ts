import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT_DIR } from '../../dev/paths.ts';

interface Document {
  /** From the root of the repository. */
  readonly file: string;
  readonly text: string;
}

/** Every Markdown file of the repository. */
export function listDocuments(): readonly Document[] {
  const documents: Document[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(path.join(ROOT_DIR, folder), { withFileTypes: true })) {
      const file = path.join(folder, entry.name);
      // Hidden folders are caches and data of runs.
      if (entry.name === 'node_modules' || (entry.isDirectory() && entry.name.startsWith('.'))) continue;
      if (entry.isDirectory()) visit(file);
      else if (entry.name.endsWith('.md')) {
        documents.push({ file, text: readFileSync(path.join(ROOT_DIR, file), 'utf8') });
      }
    }
  };
  visit('');
  return documents;
}
