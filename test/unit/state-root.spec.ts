import { chmod, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { makeStateRootCheck } from '../../lib/state-root.ts';

describe('the check of the state root', () => {
  let root = '';
  let mounts = '';
  const lineOf = (place: string, options: string) => `1 0 8:1 / ${place} ${options} - ext4 /dev/sda1 rw\n`;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'rtm state-'));
    mounts = lineOf('/', 'rw') + lineOf(root.replaceAll(' ', '\\040'), 'rw,nosuid,nodev');
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
  const makeCheck = () => makeStateRootCheck(root, { readMounts: async () => mounts });
  const failureOf = (check: () => Promise<unknown>) =>
    check().then(
      () => expect.fail('the check passes'),
      (error: Error) => error.message,
    );

  it('passes a closed root on a mount with nosuid and nodev', async () => {
    expect(await makeCheck()()).to.deep.equal([]);
  });

  it('warns of a root that every user may enter', async () => {
    await chmod(root, 0o711);
    expect((await makeCheck()()).join()).to.match(/every user .* may enter/);
  });

  for (const [options, missing] of [
    ['rw', 'nosuid and nodev'],
    ['rw,nosuid', 'nodev'],
  ] as const) {
    it(`warns of a mount without ${missing}`, async () => {
      mounts = lineOf('/', `${options}`);
      expect((await makeCheck()()).join()).to.include(`without ${missing};`);
    });
  }

  it('fails where the mount that held the root is gone, until it is back', async () => {
    const check = makeCheck();
    const whole = mounts;
    await check();
    mounts = lineOf('/', 'rw,nosuid,nodev');
    expect(await failureOf(check)).to.include(`the mount ${root}`);
    expect(await failureOf(check)).to.include(`the mount ${root}`);
    mounts = whole;
    expect(await check()).to.deep.equal([]);
  });

  it('takes a mount that comes later', async () => {
    const whole = mounts;
    mounts = lineOf('/', 'rw,nosuid,nodev');
    const check = makeCheck();
    await check();
    mounts = whole;
    expect(await check()).to.deep.equal([]);
  });

  it('fails where the root is gone', async () => {
    const check = makeCheck();
    await check();
    await rename(root, `${root}-away`);
    expect(await failureOf(check)).to.include('ENOENT');
    await rename(`${root}-away`, root);
  });

  it('reads the mounts of this host', async () => {
    expect(await makeStateRootCheck(root)()).to.be.an('array');
  });
});
