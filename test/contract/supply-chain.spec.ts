import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { NODE, POSTGRES } from '../../dev/bootstrap/pinned-packages.mjs';
import { ROOT_DIR } from '../../dev/paths.ts';

const read = (file: string): string => readFileSync(path.join(ROOT_DIR, file), 'utf8');
const SHA512 = /^sha512-[\w+/]{86}==$/;

describe('what is fetched', () => {
  it('has a hash in package-lock.json, package by package', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { integrity?: string }>;
    };
    const fetched = Object.entries(packages).filter(([where]) => where !== '');
    expect(fetched.length).to.be.above(100);
    expect(
      fetched.filter(([, { integrity = '' }]) => !SHA512.test(integrity)).map(([where]) => where),
    ).to.deep.equal([]);
  });

  it('runs no script of a package', () => {
    expect(read('.npmrc')).to.match(/^ignore-scripts=true$/m);
  });

  for (const [name, { version, packages }] of Object.entries({ NODE, POSTGRES })) {
    it(`beside the lock file has a hash for every platform: ${name}`, () => {
      expect(version).to.match(/^\d+\.\d+\.\d+/);
      expect(Object.keys(packages).sort()).to.deep.equal(['arm64', 'x64']);
      for (const { integrity } of Object.values(packages)) expect(integrity).to.match(SHA512);
    });
  }

  it('as a base of the image is named by a variable, which may hold a digest', () => {
    const froms = [...read('Dockerfile').matchAll(/^FROM (\S+)/gm)].map(([, image = '']) => image);
    expect(froms.length).to.be.above(0);
    for (const image of froms) expect(image).to.match(/^\$\{[A-Z_]+\}$/);
  });
});
