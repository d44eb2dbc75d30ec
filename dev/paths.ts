import path from 'node:path';

/** The root of this repository. */
export const ROOT_DIR = path.resolve(import.meta.dirname, '..');

/** What can be fetched again: Node, PostgreSQL, answers worth keeping. Ignored by git. */
export const CACHE_DIR = path.join(ROOT_DIR, '.cache');

/** What a run leaves behind: logs, and the data of services while they live. Ignored by git. */
export const DEV_DIR = path.join(ROOT_DIR, '.dev');
