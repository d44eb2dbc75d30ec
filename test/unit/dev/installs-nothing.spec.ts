import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { ROOT_DIR } from '../../../dev/paths.ts';

/** What a checkout has that nobody has prepared. */
const PARTS = ['dev', 'rtmctl', 'main.ts', 'package.json', 'package-lock.json'];

/** Makes the Node of the test an older one, as far as dev/bootstrap/node.mjs can see. */
const OLDER_NODE = 'data:text/javascript,Object.defineProperty(process, "version", { value: "v20.19.0" })';

describe('a production command on a machine that lacks something', () => {
  let dir: string;
  const checkout = () => path.join(dir, 'checkout');

  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'rtm-bare-'));
    for (const part of PARTS) {
      await cp(path.join(ROOT_DIR, part), path.join(checkout(), part), { recursive: true });
    }
    await mkdir(path.join(dir, 'bin'));
    // Whoever calls npm leaves a trace.
    await writeFile(path.join(dir, 'bin/npm'), `#!/bin/sh\necho "$@" >> ${dir}/npm-was-called\n`);
    await writeFile(path.join(dir, 'bin/node'), '#!/bin/sh\necho v20.19.0 /usr/bin/node\n');
    for (const name of ['npm', 'node']) await chmod(path.join(dir, 'bin', name), 0o755);
  });
  after(() => rm(dir, { recursive: true, force: true }));

  for (const [command, file] of [
    ['npm start', 'dev/bootstrap.mjs'],
    ['rtmctl', 'rtmctl/rtmctl.mjs'],
  ] as const) {
    it(`${command} installs nothing, and names what is missing and how to install it`, async () => {
      const before = (await readdir(checkout())).sort();
      const args = ['--import', OLDER_NODE, file, 'start'];
      const { code, stderr, stdout } = await run(args, checkout(), path.join(dir, 'bin'));
      expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' });
      expect(stderr).to.include(`${command} installs nothing`);
      expect(stderr).to.match(/Node 24 or newer: this is v20\.19\.0/);
      expect(stderr).to.include('npm ci --omit=dev');
      expect(stderr).to.include('npm run setup');
      expect(await readdir(dir)).to.not.include('npm-was-called');
      expect((await readdir(checkout())).sort()).to.deep.equal(before);
    });
  }
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: string[], cwd: string, bin: string): Promise<Ended> {
  // npm's own variables would lead past the npm of the test.
  const env = { PATH: `${bin}:/usr/bin:/bin` };
  return new Promise((resolve) =>
    execFile(process.execPath, args, { cwd, env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    ),
  );
}
