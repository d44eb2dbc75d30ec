import { readdirSync } from 'node:fs';
import path from 'node:path';
import { ROOT_DIR } from '../../dev/paths.ts';

const FOLDERS = ['lib', 'sql', 'handlers', 'queues', 'openapi', 'rtmctl', 'console'];

/** Every source file of the service, its command line and its console, from the root. */
export function productFiles(): string[] {
  const below = (folder: string): string[] =>
    readdirSync(path.join(ROOT_DIR, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|js|mjs)$/.test(name))
      .map((name) => path.posix.join(folder, name))
      .toSorted();
  return [...FOLDERS.flatMap(below), 'app.ts', 'main.ts'];
}
