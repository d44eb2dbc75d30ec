import { expect } from 'chai';
import type { Engine, EngineAddresses } from '../../lib/engine-addresses.ts';
import { type EngineProber, makeEngineProber } from '../../lib/engine-prober.ts';
import { RuntimeError } from '../../lib/errors.ts';
import { eventually } from '../helpers/eventually.ts';
import {
  dropsConnection,
  type FakeEngines,
  hangs,
  healthy,
  makeFakeEngines,
  says,
} from '../helpers/fake-engines.ts';
import { type MemoryLogger, makeMemoryLogger } from '../helpers/memory-logger.ts';

const NO_DOCKER = { findAddress: async () => null, listAddresses: async () => new Map<string, string>() };

describe('the prober', () => {
  let engines: FakeEngines;
  let log: MemoryLogger;
  let prober: EngineProber;
  let answered: string[];
  let find: EngineAddresses['find'];
  let moved: boolean;
  const controller = new AbortController();

  beforeEach(async () => {
    engines = await makeFakeEngines();
    log = makeMemoryLogger();
    [answered, moved, find] = [[], false, async () => '127.0.0.1'];
    prober = makeEngineProber({
      docker: NO_DOCKER,
      timeoutMs: 300,
      log,
      addresses: {
        find: (engine) => find(engine),
        hasMoved: async () => moved,
        noteAnswer: ({ containerId }) => void answered.push(containerId),
        close: () => undefined,
      },
    });
  });
  afterEach(async () => {
    prober.close();
    await engines.close();
  });

  const engine = (number: number): Engine => ({
    containerId: `c${number}`,
    endpoint: engines.endpoint(`g${number}`),
    network: 'galaxy',
  });
  const probe = (number: number) => prober.probe(engine(number), controller.signal);
  const warnings = () => log.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);

  it('asks the engine where it is, and tells which one answered', async () => {
    expect(await probe(1)).to.deep.equal({ kind: 'healthy' });
    engines.behave(says(503));
    expect(await probe(2)).to.deep.equal({ kind: 'failed', status: 503, error: '' });
    expect(answered).to.deep.equal(['c1']);
  });

  it('takes a container without an address for a failure', async () => {
    find = async () => null;
    expect(await probe(1)).to.deep.equal({
      kind: 'failed',
      status: null,
      error: 'its container has no address on network galaxy',
    });
  });

  it('has no result while Docker does not tell the address, and says so once (failure mode 17)', async () => {
    find = () => Promise.reject(new RuntimeError('docker_unavailable', 'Docker is away'));
    for (let number = 0; number < 20; number += 1) expect((await probe(number)).kind).to.equal('none');
    expect(warnings()).to.deep.equal(['probes brought no result, which counts for nothing']);
  });

  it('has no result when this host has no way there, and says why (failure mode 17)', async () => {
    find = async () => '224.0.0.1';
    expect((await probe(1)).kind).to.equal('none');
    expect(String(log.lines[0]?.fields.reason)).to.include('ENETUNREACH');
  });

  it('has no result of an engine that did not answer where it is no more', async () => {
    moved = true;
    engines.behave(dropsConnection);
    expect((await probe(1)).kind).to.equal('none');
    engines.behave(says(500));
    expect(await probe(1)).to.include({ kind: 'failed', status: 500 });
  });

  it('asks one engine once at a time', async () => {
    engines.behave(hangs);
    const results = await Promise.all([probe(1), probe(1), probe(2), probe(1)]);
    expect(results.map(({ kind }) => kind)).to.deep.equal(['failed', 'none', 'failed', 'none']);
    expect(engines.asked).to.have.length(2);
    expect((await probe(1)).kind).to.equal('failed');
  });

  it('keeps to 1,024 probes at once; who waits too long for a turn has no result (failure mode 17)', async () => {
    const gate = Promise.withResolvers<string>();
    let underWay = 0;
    find = () => {
      underWay += 1;
      return gate.promise;
    };
    const probes = Array.from({ length: 1_100 }, (_, number) => probe(number));
    const late = await Promise.all(probes.slice(1_024));
    expect(underWay).to.equal(1_024);
    expect(new Set(late.map(({ kind }) => kind))).to.deep.equal(new Set(['none']));
    expect(warnings()).to.deep.equal(['probes brought no result, which counts for nothing']);
    gate.reject(new RuntimeError('docker_unavailable', 'Docker is away'));
    await Promise.all(probes);
    find = async () => '127.0.0.1';
    expect((await probe(1)).kind).to.equal('healthy');
  });

  it('ends with its caller, without a result and without a word', async () => {
    const leaving = new AbortController();
    engines.behave(() => leaving.abort());
    expect((await prober.probe(engine(1), leaving.signal)).kind).to.equal('none');
    expect((await prober.probe(engine(1), leaving.signal)).kind).to.equal('none');
    expect(log.lines).to.deep.equal([]);
  });

  describe('is cut off (failure mode 17)', () => {
    async function probeAll(count: number): Promise<void> {
      for (let number = 0; number < count; number += 1) await probe(number);
    }

    it('when more than half of all games gave it no answer, one after another; it says so once', async () => {
      engines.behave(dropsConnection);
      await probeAll(10);
      expect(prober.isCutOff(20, performance.now())).to.equal(false);
      expect(prober.unanswered).to.equal(10);
      await probe(10);
      expect([prober.isCutOff(20, performance.now()), prober.isCutOff(20, performance.now())]).to.deep.equal([
        true,
        true,
      ]);
      expect(warnings()).to.have.length(1);
    });

    it('no more, once one has answered, whatever that says', async () => {
      engines.behave(dropsConnection);
      await probeAll(12);
      expect(prober.isCutOff(12, performance.now())).to.equal(true);
      engines.behave(says(503));
      await probe(0);
      expect([prober.isCutOff(12, performance.now()), prober.unanswered]).to.deep.equal([false, 0]);
      engines.behave(dropsConnection);
      await probeAll(12);
      expect(prober.isCutOff(12, performance.now())).to.equal(true);
      expect(warnings()).to.have.length(2);
    });

    it('not before it has gone on for long enough', async () => {
      engines.behave(dropsConnection);
      const beganAtMs = performance.now();
      await probeAll(12);
      expect(prober.isCutOff(12, beganAtMs)).to.equal(false);
      expect(warnings()).to.deep.equal([]);
    });

    it('never, with fewer than ten games', async () => {
      engines.behave(dropsConnection);
      await probeAll(9);
      expect(prober.isCutOff(9, performance.now())).to.equal(false);
    });
  });

  it('leaves no connection', async () => {
    engines.behave(healthy);
    await Promise.all([probe(1), probe(2), probe(3)]);
    await eventually(() => engines.connections.open === 0, { what: 'the connections to be closed' });
  });
});
