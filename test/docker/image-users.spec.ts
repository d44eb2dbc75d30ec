import { execFile } from 'node:child_process';
import { rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { importImage } from '../../dev/images/import-image.ts';
import { makeRootfs } from '../../dev/images/rootfs.ts';
import { dockerHost } from '../../dev/machine/docker.mjs';
import { shortId } from '../../dev/session.ts';
import { makeDockerConnection } from '../../lib/docker/connection.ts';
import { makeImageUsers } from '../../lib/docker/image-users.ts';
import { inspectImage } from '../../lib/docker/inspect-image.ts';
import { makeSemaphore } from '../../lib/semaphore.ts';
import { docker } from '../helpers/docker.ts';
import { removeImage } from '../helpers/tiny-image.ts';

const run = promisify(execFile);
const signal = new AbortController().signal;

describe('the user of an image, read in the image by Docker', () => {
  const repo = `rtm-test/users-${shortId()}`;
  const made: string[] = [];
  after(() => Promise.all(made.map(removeImage)));

  /** An image that says `user`, with the given file in place of its passwd. */
  async function find(user: string, replace?: (passwd: string) => Promise<unknown>, labels: string[] = []) {
    await using rootfs = await makeRootfs({ engine: 4242 });
    const passwd = path.join(rootfs.dir, 'etc/passwd');
    if (replace) {
      await rm(passwd);
      await replace(passwd);
    }
    const ref = `${repo}:${made.length}`;
    made.push(ref);
    await importImage(docker, rootfs, ref, [`USER ${user}`, ...labels]);
    let calls = 0;
    const real = makeDockerConnection({ host: dockerHost() });
    const users = makeImageUsers(
      {
        call: (...args) => {
          calls += 1;
          return real.call(...args);
        },
      },
      makeSemaphore(1),
    );
    const image = (await inspectImage(real, ref, signal)) ?? expect.fail('no image');
    const found = await users.find(image, signal);
    const first = calls;
    expect(await users.find(image, signal)).to.deep.equal(found);
    expect(calls, 'calls for an image that is known').to.equal(first);
    // Docker refuses this while any container uses the image.
    await docker.getImage(ref).remove();
    return { found, calls };
  }

  it('resolves a name once, and leaves no container', async () => {
    expect((await find('engine')).found).to.deep.equal({ uid: 4242, gid: 4242 });
  });

  it('asks Docker nothing about a number', async () => {
    expect(await find('10001')).to.deep.equal({ found: { uid: 10_001, gid: 0 }, calls: 0 });
  });

  it('resolves the group too', async () => {
    expect((await find('4242:engine')).found).to.deep.equal({ uid: 4242, gid: 4242 });
  });

  it('never looks like a container of a game, whatever labels the image has', async () => {
    const seen: unknown[] = [];
    const events = await docker.getEvents({
      filters: { type: ['container'], label: ['com.galaxy.owner=rtmanager'] },
    });
    events.on('data', (line: Buffer) => seen.push(line.toString()));
    try {
      await find('engine', undefined, ['LABEL com.galaxy.owner=rtmanager']);
      const last = await docker.getEvents({ since: 0, until: Math.floor(Date.now() / 1000) });
      for await (const _ of last);
    } finally {
      (events as unknown as { destroy(): void }).destroy();
    }
    expect(seen.filter((line) => String(line).includes(repo))).to.deep.equal([]);
  });

  for (const [what, replace] of [
    ['a link', (file: string) => symlink('/etc/shadow', file)],
    ['a named pipe', (file: string) => run('mkfifo', [file])],
    ['larger than 256 KiB', (file: string) => writeFile(file, 'x:x:1:1::/:/bin/sh\n'.repeat(20_000))],
    ['absent', async () => undefined],
  ] as const) {
    it(`does not know a name where /etc/passwd is ${what}`, async () => {
      expect((await find('engine', replace)).found).to.have.property('unknown');
    });
  }
});
