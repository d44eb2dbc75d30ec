import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { ROOT_DIR } from '../../dev/paths.ts';

const run = promisify(execFile);
const WORLD = path.join(ROOT_DIR, 'test/helpers/firewall-world.ts');

interface Found {
  readonly before: Readonly<Record<string, string>>;
  readonly up: Readonly<Record<string, string>>;
  readonly down: Readonly<Record<string, string>>;
  /** The rules that lead into the chains of the example. */
  readonly jumps: readonly string[];
  /** What is left of these chains in the end. */
  readonly left: readonly string[];
}

describe('docs/examples/engine-firewall.sh, in network namespaces of its own', () => {
  let found: Found;

  before(async () => {
    const asRoot = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
    // Files of iptables and ip lie below /run, which is the test's own too.
    const script = 'mount -t tmpfs tmpfs /run && exec "$@"';
    const inside = [
      'sh',
      '-c',
      script,
      'sh',
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      WORLD,
    ];
    const { stdout } = await run('unshare', [...asRoot, '--net', '--mount', '--', ...inside]);
    found = JSON.parse(stdout) as Found;
  });

  it('starts from a host on which an engine reaches everything', () => {
    expect(new Set(Object.values(found.before))).to.deep.equal(new Set(['reached']));
  });

  it('keeps engines off the host, off cloud metadata and off each other, and lets services in', () => {
    expect(found.up).to.deep.equal({
      'engine to a port of the host, by the bridge': 'refused',
      'engine to a port of the host, by its outer address': 'refused',
      'engine to cloud metadata': 'refused',
      'engine to the Internet': 'refused',
      'engine to its neighbour': 'refused',
      'engine to Game Master': 'refused',
      'Game Master to an engine': 'reached',
      'Game Master to another port of an engine': 'refused',
      'the host to an engine': 'reached',
    });
  });

  it('changes nothing the second time', () => {
    expect(found.jumps).to.have.length(2);
  });

  it('goes without a trace', () => {
    expect(found.down).to.deep.equal(found.before);
    expect(found.left).to.deep.equal([]);
  });
});
