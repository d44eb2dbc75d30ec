import { execFile } from 'node:child_process';
import { chmod, chown, lstat, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { RuntimeError } from '../../lib/errors.ts';
import { parseGameId } from '../../lib/game-id.ts';
import { ensureStateDirectory } from '../../lib/state-directory.ts';

const gameId = parseGameId('Game-1');
const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const isRoot = own.uid === 0;

describe('state directory', () => {
  let root = '';

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'rtm-state-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const ensure = (changes: Partial<Parameters<typeof ensureStateDirectory>[0]> = {}): Promise<string> =>
    ensureStateDirectory({ root, gameId, mode: 0o750, ...own, ...changes });
  const failureOf = async (attempt: Promise<string>): Promise<RuntimeError> => {
    const error: unknown = await attempt.then(
      () => undefined,
      (thrown) => thrown,
    );
    if (!(error instanceof RuntimeError)) throw new Error('expected a RuntimeError');
    expect(error.code).to.equal('start_config_invalid');
    return error;
  };
  const modeOf = async (path: string): Promise<number> => (await lstat(path)).mode & 0o7777;

  it('is made with its mode, whatever the umask', async () => {
    const before = process.umask(0o077);
    try {
      const path = await ensure({ mode: 0o2775 });
      expect(path).to.equal(join(root, 'Game-1'));
      expect(await modeOf(path)).to.equal(0o2775);
    } finally {
      process.umask(before);
    }
  });

  it('stays as it is the second time, with all that is in it', async () => {
    const path = await ensure();
    await writeFile(join(path, 'save'), 'turn 7', { mode: 0o600 });
    const before = await lstat(path, { bigint: true });
    expect(await ensure()).to.equal(path);
    expect((await lstat(path, { bigint: true })).ctimeNs).to.equal(before.ctimeNs);
    expect(await readdir(path)).to.deep.equal(['save']);
    expect(await modeOf(join(path, 'save'))).to.equal(0o600);
  });

  it('gets the mode that a crash after mkdir left out', async () => {
    await mkdir(join(root, gameId), { mode: 0o700 });
    expect(await modeOf(await ensure())).to.equal(0o750);
  });

  it('gets its owner, also when only that differs', async function () {
    if (!isRoot) this.skip();
    const path = await ensure({ uid: 1234, gid: 2345, mode: 0o2770 });
    expect(await lstat(path)).to.include({ uid: 1234, gid: 2345 });
    expect(await modeOf(path)).to.equal(0o2770);
    await chown(path, 1, 1);
    await ensure({ uid: 1234, gid: 2345, mode: 0o2770 });
    expect(await lstat(path)).to.include({ uid: 1234, gid: 2345 });
    expect(await modeOf(path), 'chown clears the set-id bits').to.equal(0o2770);
  });

  it('is made by two at once', async () => {
    const paths = await Promise.all(Array.from({ length: 8 }, () => ensure()));
    expect(new Set(paths)).to.deep.equal(new Set([join(root, 'Game-1')]));
  });

  it('is not made where the root is missing', async () => {
    const missing = join(root, 'not-mounted');
    const error = await failureOf(ensure({ root: missing }));
    expect(error.message).to.include(missing).and.to.include('ENOENT');
    expect(error.cause).to.have.property('code', 'ENOENT');
    expect(await readdir(root)).to.deep.equal([]);
  });

  it('is not made where the root is a file', async () => {
    const file = join(root, 'file');
    await writeFile(file, '');
    expect((await failureOf(ensure({ root: file }))).message).to.include('is not a directory');
  });

  it('may lie under a root that is itself a link', async () => {
    await mkdir(join(root, 'real'));
    await symlink(join(root, 'real'), join(root, 'link'));
    expect(await ensure({ root: join(root, 'link') })).to.equal(join(root, 'link', gameId));
    expect(await readdir(join(root, 'real'))).to.deep.equal([gameId]);
  });

  it('must not be a link, wherever it leads, and its target stays untouched (failure mode 20)', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'rtm-elsewhere-'));
    try {
      for (const target of [elsewhere, join(root, 'sibling'), join(root, 'dangling')]) {
        if (target.endsWith('sibling')) await mkdir(target, { mode: 0o700 });
        await symlink(target, join(root, gameId));
        expect((await failureOf(ensure())).message).to.include('is a symbolic link');
        await rm(join(root, gameId));
      }
      expect(await modeOf(elsewhere)).to.equal(0o700);
      expect(await modeOf(join(root, 'sibling'))).to.equal(0o700);
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  });

  it('must not be a file, which is kept', async () => {
    await writeFile(join(root, gameId), 'precious');
    expect((await failureOf(ensure())).message)
      .to.include(join(root, gameId))
      .and.to.include('not a directory');
    expect(await readdir(root)).to.deep.equal([gameId]);
  });

  it('says what to do when rights are missing', async () => {
    if (isRoot) {
      // Root may do anything; an owner that no kernel accepts stands in for a refused chown.
      const error = await failureOf(ensure({ uid: 4_294_967_295 + 1 }));
      expect(error.message).to.include('RTMANAGER_GAME_STATE_DIR_MODE');
      return;
    }
    await chmod(root, 0o500);
    const error = await failureOf(ensure());
    expect(error.message).to.include('cannot be created').and.to.include('EACCES');
  });

  it('tells that no file descriptor is free, and that a later attempt may succeed', async () => {
    await mkdir(join(root, gameId), { mode: 0o700 });
    const script = `
      import { openSync } from 'node:fs';
      import { ensureStateDirectory } from ${JSON.stringify(new URL('../../lib/state-directory.ts', import.meta.url).href)};
      try { for (;;) openSync('/dev/null'); } catch {}
      const error = await ensureStateDirectory(${JSON.stringify({ root, gameId, mode: 0o750, ...own })}).catch((one) => one);
      const { code, message, isTransient } = error;
      process.stdout.write(JSON.stringify({ code, message, isTransient }));`;
    const limited = ['-c', 'ulimit -n 64; exec "$0" --input-type=module -e "$1"', process.execPath, script];
    const { stdout } = await promisify(execFile)('sh', limited);
    const told = JSON.parse(stdout);
    expect(told).to.include({ code: 'internal_error', isTransient: true });
    expect(told.message).to.include('EMFILE');
  });
});
