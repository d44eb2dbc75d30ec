import { once } from 'node:events';
import { expect } from 'chai';
import { type Engine, type EngineAddresses, makeEngineAddresses } from '../../lib/engine-addresses.ts';
import { RuntimeError } from '../../lib/errors.ts';
import { eventually } from '../helpers/eventually.ts';
import { failureOf } from '../helpers/failure-of.ts';
import { type MemoryLogger, makeMemoryLogger } from '../helpers/memory-logger.ts';

const NETWORK = 'galaxy';
const engine = (number: number): Engine => ({
  containerId: `c${number}`,
  endpoint: `http://galaxy-game-${number}:8080`,
  network: NETWORK,
});

describe('addresses of engines', () => {
  let nowMs: number;
  /** By container, as Docker has them. */
  let docker: Map<string, string>;
  /** By host name. */
  let dns: Map<string, string>;
  let asked: string[];
  let isDockerAway: boolean;
  /** A container whose inspection never ends by itself. */
  let wedged: string | undefined;
  let addresses: EngineAddresses;
  let log: MemoryLogger;

  beforeEach(() => {
    log = makeMemoryLogger();
    wedged = undefined;
    [nowMs, docker, dns, asked, isDockerAway] = [1_000_000, new Map(), new Map(), [], false];
    const assertThere = () => {
      if (isDockerAway) throw new RuntimeError('docker_unavailable', 'Docker is away');
    };
    addresses = makeEngineAddresses({
      log,
      now: () => nowMs,
      docker: {
        findAddress: async ({ containerId }, signal) => {
          assertThere();
          if (containerId === wedged) await once(signal, 'abort').then(() => signal.throwIfAborted());
          asked.push(containerId);
          return docker.get(containerId) ?? null;
        },
        listAddresses: async (network) => {
          assertThere();
          asked.push(network);
          return new Map(docker);
        },
      },
      resolve: async (host) => {
        asked.push(host);
        const address = dns.get(host);
        return address === undefined ? [] : [address];
      },
    });
  });
  afterEach(() => addresses.close());

  const find = (number: number) => addresses.find(engine(number));
  /** Everything that was asked since the last call. */
  const askedNow = () => asked.splice(0);
  /** RTM inside the game network: names lead to engines. */
  async function moveInside(): Promise<void> {
    addresses.noteAnswer(engine(1), '10.0.0.1');
    await eventually(() => log.lines.length > 0, { what: 'the look at a name', intervalMs: 1 });
  }

  it('come from Docker, which is asked once for a container and not with every probe', async () => {
    docker.set('c1', '10.0.0.1');
    expect([await find(1), await find(1), await find(1)]).to.deep.equal(Array(3).fill('10.0.0.1'));
    expect(askedNow()).to.deep.equal(['c1']);
    nowMs += 59_000;
    await find(1);
    expect(askedNow()).to.deep.equal([]);
    nowMs += 1_000;
    await find(1);
    expect(askedNow()).to.deep.equal(['c1']);
  });

  it('are found beside a container that wedges its inspection (failure mode 10)', async () => {
    docker.set('c2', '10.0.0.2');
    wedged = 'c1';
    const [first, second] = await Promise.allSettled([find(1), find(2)]);
    expect(second).to.deep.equal({ status: 'fulfilled', value: '10.0.0.2' });
    expect(first.status).to.equal('rejected');
  });

  it('come from one call for the whole network when there are many (failure mode 17)', async () => {
    for (let number = 0; number < 10_000; number += 1) docker.set(`c${number}`, `10.0.0.${number}`);
    for (let number = 0; number < 10_000; number += 1) {
      expect(await find(number)).to.equal(`10.0.0.${number}`);
      nowMs += 1.5;
    }
    // The second that the first look at all takes in fills the rest of the fleet.
    expect(askedNow()).to.deep.equal([...Array(16).keys()].map((number) => `c${number}`).concat(NETWORK));
    // After a minute they are looked up again, in the same way.
    nowMs += 60_000;
    for (let number = 0; number < 10_000; number += 1) await find(number);
    expect(askedNow()).to.have.length(17);
  });

  it('are none, for a moment, where Docker has none', async () => {
    expect([await find(1), await find(1)]).to.deep.equal([null, null]);
    expect(askedNow()).to.deep.equal(['c1']);
    docker.set('c1', '10.0.0.1');
    nowMs += 2_000;
    expect(await find(1)).to.equal('10.0.0.1');
  });

  it('of a network that is gone cost one call for all of them now and then', async () => {
    for (let times = 0; times < 3; times += 1) {
      for (let number = 0; number < 500; number += 1) expect(await find(number)).to.equal(null);
    }
    expect(askedNow().filter((one) => one === NETWORK)).to.have.length.below(500);
  });

  it('are those known last while Docker is away, and unknown where there is none', async () => {
    docker.set('c1', '10.0.0.1');
    await find(1);
    isDockerAway = true;
    nowMs += 3_600_000 / 61;
    expect(await find(1)).to.equal('10.0.0.1');
    expect((await failureOf(find(2))).code).to.equal('docker_unavailable');
    expect(await addresses.hasMoved(engine(1), '10.0.0.1')).to.equal(false);
  });

  it('in doubt are looked up again, but not at once', async () => {
    docker.set('c1', '10.0.0.1');
    await find(1);
    docker.set('c1', '10.0.0.2');
    expect(await addresses.hasMoved(engine(1), '10.0.0.1')).to.equal(false);
    nowMs += 5_000;
    expect(await addresses.hasMoved(engine(1), '10.0.0.1')).to.equal(true);
    expect(await find(1)).to.equal('10.0.0.2');
    docker.delete('c1');
    nowMs += 5_000;
    // Nowhere is not elsewhere.
    expect(await addresses.hasMoved(engine(1), '10.0.0.2')).to.equal(false);
  });

  describe('inside the game network', () => {
    beforeEach(async () => {
      docker.set('c1', '10.0.0.1').set('c2', '10.0.0.2');
      dns.set('galaxy-game-1', '10.0.0.1').set('galaxy-game-2', '10.0.0.2');
      await find(1);
      await moveInside();
      askedNow();
    });

    it('come from the names, once a container', async () => {
      expect([await find(2), await find(2)]).to.deep.equal(['10.0.0.2', '10.0.0.2']);
      expect(askedNow()).to.deep.equal(['galaxy-game-2']);
    });

    it('come from Docker where a name says nothing', async () => {
      docker.set('c3', '10.0.0.3');
      expect(await find(3)).to.equal('10.0.0.3');
      expect(askedNow()).to.deep.equal(['galaxy-game-3', 'c3']);
    });

    it('come from Docker again when names lead nowhere any more', async () => {
      dns.clear();
      expect(await find(2)).to.equal('10.0.0.2');
      addresses.noteAnswer(engine(2), '10.0.0.2');
      await eventually(async () => (await find(1)) && asked.includes('c1'), {
        what: 'Docker to be asked',
        intervalMs: 1,
      });
      askedNow();
      nowMs += 60_000;
      await find(1);
      expect(askedNow()).to.deep.equal(['c1']);
    });
  });

  it('on the host come from Docker: one name is tried now and then, of an engine that answers', async () => {
    for (let number = 0; number < 10; number += 1) {
      docker.set(`c${number}`, `10.0.0.${number}`);
      addresses.noteAnswer(engine(number), (await find(number)) ?? '');
    }
    expect(askedNow().filter((one) => one.startsWith('galaxy-game'))).to.deep.equal(['galaxy-game-0']);
    nowMs += 600_000;
    addresses.noteAnswer(engine(1), '10.0.0.1');
    addresses.noteAnswer(engine(2), '10.0.0.2');
    expect(askedNow()).to.deep.equal(['galaxy-game-1']);
  });

  it('do not come from names that lead elsewhere', async () => {
    docker.set('c1', '10.0.0.1');
    dns.set('galaxy-game-1', '198.51.100.7');
    await find(1);
    addresses.noteAnswer(engine(1), '10.0.0.1');
    nowMs += 60_000;
    expect(await find(1)).to.equal('10.0.0.1');
    expect(askedNow()).to.deep.equal(['c1', 'galaxy-game-1', 'c1']);
  });
});
