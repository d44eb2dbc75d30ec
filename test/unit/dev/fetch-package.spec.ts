import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { fetchPackage } from '../../../dev/bootstrap/fetch-package.mjs';
import { npm } from '../../../dev/bootstrap/process.mjs';

describe('fetchPackage', () => {
  let dir: string;
  let source: string;
  let integrity: string;

  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'rtm-fetch-'));
    source = path.join(dir, 'program');
    await mkdir(source);
    await writeFile(path.join(source, 'package.json'), '{"name": "program", "version": "1.0.0"}');
    await writeFile(path.join(source, 'run.js'), 'console.log("as published")');
    await npm(['pack', source, '--pack-destination', dir]);
    const tarball = await readFile(path.join(dir, 'program-1.0.0.tgz'));
    integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  });
  after(() => rm(dir, { recursive: true, force: true }));

  const home = () => path.join(dir, 'home');

  it('refuses a package whose hash differs, with both hashes, and leaves nothing of it', async () => {
    const published = await readFile(path.join(source, 'run.js'));
    await writeFile(path.join(source, 'run.js'), 'console.log("replaced")');
    const failure = await fetchPackage({ spec: source, integrity, home: home() }).then(
      () => undefined,
      (error: Error) => error,
    );
    await writeFile(path.join(source, 'run.js'), published);
    expect(failure?.message).to.include('does not have the hash that this repository expects');
    expect(failure?.message).to.include(`expected ${integrity}`);
    expect((await readdir(dir)).filter((name) => name.startsWith('home'))).to.deep.equal([]);
  });

  it('unpacks a package whose hash is the expected one', async () => {
    await fetchPackage({ spec: source, integrity, home: home() });
    await access(path.join(home(), 'node_modules/program/run.js'));
    expect((await readdir(dir)).filter((name) => name.startsWith('home.'))).to.deep.equal([]);
  });
});
