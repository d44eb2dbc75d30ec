import { execFile } from 'node:child_process';
import { chmod, copyFile, cp, mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { findOnPath } from '../machine/find-on-path.mjs';

const run = promisify(execFile);

/** What the wait strategies of testcontainers, entry scripts and a curious operator need inside an image. */
const SHELL_TOOLS = ['sh', 'awk', 'cat', 'chmod', 'chown', 'env', 'grep', 'id', 'ls', 'mkdir', 'rm', 'sleep'];

/** A root directory that grows into an image; `dispose` removes it from the disk. */
export interface Rootfs {
  readonly dir: string;
  /** Copies a program and every shared library that it names. */
  addProgram(source: string, target: string): Promise<void>;
  /** Copies a directory tree as it is. */
  addTree(source: string, target: string): Promise<void>;
  /** Copies the shared libraries that a program outside its own tree needs. */
  addLibrariesOf(program: string, except?: string): Promise<void>;
  addFile(target: string, text: string, mode?: number): Promise<void>;
  /** Makes a directory that any user may write to, so that no file needs an owner of its own. */
  addOpenDirectory(target: string): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a root directory with a shell, a few tools and the given users (besides root). */
export async function makeRootfs(users: Readonly<Record<string, number>>): Promise<Rootfs> {
  const dir = await mkdtemp(path.join(tmpdir(), 'rtm-rootfs-'));
  const inside = (target: string): string => path.join(dir, target);

  const rootfs: Rootfs = {
    dir,
    async addProgram(source, target) {
      await copy(await realpath(source), inside(target));
      await chmod(inside(target), 0o755);
      await rootfs.addLibrariesOf(source);
    },
    async addTree(source, target) {
      await cp(source, inside(target), { recursive: true, verbatimSymlinks: true });
    },
    async addLibrariesOf(program, except) {
      for (const library of await sharedLibraries(program)) {
        if (except && library.startsWith(except)) continue;
        await copy(await realpath(library), inside(library));
      }
    },
    async addFile(target, text, mode = 0o644) {
      await mkdir(path.dirname(inside(target)), { recursive: true });
      await writeFile(inside(target), text);
      await chmod(inside(target), mode);
    },
    async addOpenDirectory(target) {
      await mkdir(inside(target), { recursive: true });
      await chmod(inside(target), 0o1777);
    },
    async [Symbol.asyncDispose]() {
      await rm(dir, { recursive: true, force: true });
    },
  };

  await chmod(dir, 0o755);
  await rootfs.addOpenDirectory('/tmp');
  await rootfs.addFile(
    '/etc/passwd',
    accounts(users, (name, id) => `${name}:x:${id}:${id}::/tmp:/bin/sh`),
  );
  await rootfs.addFile(
    '/etc/group',
    accounts(users, (name, id) => `${name}:x:${id}:`),
  );
  for (const tool of SHELL_TOOLS) {
    const source = findOnPath(tool);
    if (source) await rootfs.addProgram(source, `/bin/${tool}`);
  }
  return rootfs;
}

function accounts(
  users: Readonly<Record<string, number>>,
  line: (name: string, id: number) => string,
): string {
  return Object.entries({ root: 0, ...users })
    .map(([name, id]) => `${line(name, id)}\n`)
    .join('');
}

async function copy(source: string, target: string): Promise<void> {
  await mkdir(path.dirname(target), { recursive: true });
  await copyFile(source, target);
}

/** Absolute paths out of `ldd`, and the name service modules that an older C library loads at run time. */
async function sharedLibraries(program: string): Promise<string[]> {
  const { stdout } = await run('ldd', [program]);
  const libraries = [...stdout.matchAll(/(?:=>\s*|^\s*)(\/\S+) \(0x/gm)].map((match) => match[1] ?? '');
  const libc = libraries.find((library) => path.basename(library) === 'libc.so.6');
  if (!libc) return libraries;
  const modules = (await readdir(path.dirname(libc))).filter((name) =>
    /^libnss_(files|dns)\.so\./.test(name),
  );
  return [...libraries, ...modules.map((name) => path.join(path.dirname(libc), name))];
}
