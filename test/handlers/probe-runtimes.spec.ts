import { expect } from 'chai';
import { probeRuntimes } from '../../handlers/probe-runtimes.ts';
import type { TickContext } from '../../handlers/types.ts';
import { makeMessageValidator } from '../../lib/contracts.ts';
import { makeEngineProber } from '../../lib/engine-prober.ts';
import { recordStop } from '../../lib/runtime-record.ts';
import { putSnapshot } from '../../sql/health-snapshots.ts';
import { getRecord, swapRecord } from '../../sql/runtime-records.ts';
import { rejectionOf } from '../helpers/failure-of.ts';
import {
  dropsConnection,
  type FakeEngines,
  hangs,
  healthy,
  makeFakeEngines,
  says,
} from '../helpers/fake-engines.ts';
import { type HandlerSide, makeHandlerSide } from '../helpers/handler-side.ts';
import { getSnapshot } from '../helpers/snapshot.ts';
import { makeStore, type Store } from '../helpers/store.ts';

/** One slice, so that each tick is a round of its own. */
const INTERVAL_MS = 200;
const BEGIN_MS = 1_767_225_600_000;

describe('the probe of running games', () => {
  let store: Store;
  let side: HandlerSide;
  let engines: FakeEngines;
  let published: string[];
  let round: number;

  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  beforeEach(async () => {
    side = await makeHandlerSide(
      {
        RTMANAGER_PROBE_INTERVAL: `${INTERVAL_MS}ms`,
        RTMANAGER_PROBE_TIMEOUT: '5s',
      },
      store,
    );
    engines = await makeFakeEngines();
    [published, round] = [[], 0];
  });
  afterEach(async () => {
    await engines.close();
    await side.close();
  });

  const putGame = (gameId: string, given = {}) =>
    side.putGame(gameId, {
      engineEndpoint: engines.endpoint(gameId),
      startedAt: Date.now() - 3_600_000,
      ...given,
    });
  const putGames = async (count: number) => {
    for (let number = 0; number < count; number += 1) await putGame(`g${number}`);
  };
  const names = (count: number) => Array.from({ length: count }, (_, number) => `g${number}`);
  const context = (given: Partial<TickContext> = {}): TickContext => ({
    ...side.tick,
    dueAtMs: BEGIN_MS + round * INTERVAL_MS,
    turnMs: BEGIN_MS + round * INTERVAL_MS,
    publish: async (gameIds) => void published.push(...gameIds),
    ...given,
  });
  /** So many rounds, each of which asks every game once. */
  async function probe(rounds = 1, given: Partial<TickContext> = {}): Promise<void> {
    for (let times = 0; times < rounds; times += 1) {
      round += 1;
      await probeRuntimes(context(given));
    }
  }
  const events = async () =>
    (await side.store.messages()).map(({ game_id, event_type, container_id, details = '' }) => ({
      gameId: game_id,
      type: event_type,
      containerId: container_id,
      details: JSON.parse(details),
    }));
  const types = async () => (await events()).map(({ type }) => type);
  const counters = () => side.store.rows('select * from rtmanager.probe_counters order by game_id');
  const warnings = () => side.log.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);

  it('tells of a game that fails three times in a row, once, and of its recovery, once', async () => {
    const container = await putGame('g');
    engines.behave(says(503));
    await probe(2);
    expect(await events()).to.deep.equal([]);
    await probe(3);
    const failure = {
      gameId: 'g',
      type: 'probe_failed',
      containerId: container?.id,
      details: { consecutive_failures: 3, last_status: 503, last_error: '' },
    };
    expect(await events()).to.deep.equal([failure]);
    expect(await getSnapshot(side.store.db, 'g')).to.include({ status: 'probe_failed', source: 'probe' });
    expect(published).to.deep.equal(['g']);

    engines.behave(healthy);
    await probe(3);
    const recovery = {
      gameId: 'g',
      type: 'probe_recovered',
      containerId: container?.id,
      details: { prior_failure_count: 5 },
    };
    expect(await events()).to.deep.equal([failure, recovery]);
    expect(await getSnapshot(side.store.db, 'g')).to.deep.include({
      status: 'healthy',
      source: 'probe',
      details: { prior_failure_count: 5 },
    });
    expect(await counters()).to.deep.equal([]);
    expect(published).to.deep.equal(['g', 'g']);
  });

  it('tells what was wrong, in the form of the contract', async () => {
    await putGame('answers-nothing');
    await putGame('hangs');
    await putGame('off');
    engines.behave(dropsConnection, 'answers-nothing');
    engines.behave(hangs, 'hangs');
    await side.store.rows(
      `update rtmanager.runtime_records set engine_endpoint = 'http://galaxy-game-off:1' where game_id = 'off'`,
    );
    const impatient = makeEngineProber({ docker: side.tick.docker, timeoutMs: 100, log: side.log });
    await probe(3, { engines: impatient });
    impatient.close();
    const errors = (await events()).map(({ gameId, details }) => [
      gameId,
      details.last_status,
      details.last_error,
    ]);
    expect(errors).to.have.deep.members([
      ['answers-nothing', null, 'the connection was closed without an answer'],
      ['hangs', null, 'no answer within 100ms'],
      ['off', null, 'connection refused'],
    ]);
    const judge = makeMessageValidator('runtime-health', 'health_event');
    for (const { channel, ...fields } of await side.store.messages()) {
      expect([channel, judge(fields)]).to.deep.equal(['health_events', { ok: true }]);
    }
  });

  it('writes nothing of a fleet that is well, and asks each engine once a round', async () => {
    await putGames(30);
    const before = await side.store.world();
    await probe(2);
    expect(await side.store.world()).to.deep.equal(before);
    expect(engines.asked).to.have.length(60);
    expect(new Set(engines.asked.map(({ host }) => host))).to.have.length(30);
  });

  it('spreads its probes over the time that it has, without a burst (failure mode 17)', async () => {
    await putGames(60);
    await probe();
    const atMs = engines.asked.map((one) => one.atMs);
    const tookMs = (atMs.at(-1) ?? 0) - (atMs[0] ?? 0);
    expect(tookMs).to.be.above(INTERVAL_MS * 0.7);
  });

  it('asks only games that run', async () => {
    await putGame('stopped', { status: 'stopped' });
    await putGame('removed', { status: 'removed' });
    await probe(3);
    expect(engines.asked).to.deep.equal([]);
  });

  it('does in each tick the games of its slice, and in all of them together every game once', async () => {
    await putGames(40);
    const probing = { ...side.tick.config.probe, intervalMs: 1_000, timeoutMs: 100 };
    const config = { ...side.tick.config, probe: probing };
    const perTick: number[] = [];
    for (let slice = 0; slice < 5; slice += 1) {
      const before = engines.asked.length;
      await probeRuntimes(context({ config, dueAtMs: slice * 200, turnMs: slice * 200 }));
      perTick.push(engines.asked.length - before);
    }
    expect(Math.max(...perTick)).to.be.below(25);
    expect(new Set(engines.asked.map(({ host }) => host))).to.have.length(40);
    expect(engines.asked).to.have.length(40);
  });

  it('run twice on one tick, ends the same (idempotence)', async () => {
    await putGame('g');
    engines.behave(says(500));
    for (let rounds = 0; rounds < 4; rounds += 1) {
      await probe();
      const once = await side.store.world();
      await probeRuntimes(context());
      expect(await side.store.world()).to.deep.equal(once);
    }
    expect(await types()).to.deep.equal(['probe_failed']);
    engines.behave(healthy);
    await probe();
    await probeRuntimes(context());
    expect(await types()).to.deep.equal(['probe_failed', 'probe_recovered']);
  });

  it('gives a container some time from its start before its failures count (failure mode 17)', async () => {
    await putGame('g', { startedAt: Date.now() - 4_000 });
    engines.behave(dropsConnection);
    await probe(4);
    expect(await counters()).to.deep.equal([]);
    await side.store.rows(
      "update rtmanager.runtime_records set started_at = started_at - interval '1 second'",
    );
    await probe(3);
    expect(await types()).to.deep.equal(['probe_failed']);
  });

  it('begins anew with another container, and tells nothing of the one before (failure mode 17)', async () => {
    await putGame('g');
    engines.behave(says(500));
    await probe(3);
    const replace = async (id: string) =>
      side.store.rows('update rtmanager.runtime_records set current_container_id = $1', [id]);
    const other = side.world.put({ name: 'other' });
    await replace(other.id);
    await probe(2);
    expect(await types()).to.deep.equal(['probe_failed']);
    await probe(1);
    expect((await events()).map(({ containerId }) => containerId)).to.include(other.id);
    expect(await types()).to.deep.equal(['probe_failed', 'probe_failed']);
    await replace(side.world.put({ name: 'third' }).id);
    engines.behave(healthy);
    await probe(2);
    expect(await types()).to.have.length(2);
    expect(await counters()).to.deep.equal([]);
  });

  it('forgets the count of a game that does not run any more', async () => {
    await putGame('g');
    engines.behave(says(500));
    await probe(2);
    await side.store.rows(`update rtmanager.runtime_records set status = 'stopped'`);
    await probe(1);
    expect(await counters()).to.deep.equal([]);
  });

  it('tells nothing of a game that stopped, or got another container, while it was asked', async () => {
    await putGame('stops');
    await putGame('restarts');
    engines.behave(says(500));
    await probe(2);
    const stopsAt = (gameId: string) => async () => {
      const record = await getRecord(side.store.db, gameId);
      if (record) await swapRecord(side.store.db, recordStop(record, Date.now()));
    };
    const restarts = () =>
      side.store.rows(
        `update rtmanager.runtime_records set current_container_id = 'another' where game_id = 'restarts'`,
      );
    engines.behave(
      (request, response) => void stopsAt('stops')().then(() => says(500)(request, response)),
      'stops',
    );
    engines.behave(
      (request, response) => void restarts().then(() => says(500)(request, response)),
      'restarts',
    );
    await probe(1);
    expect(engines.asked).to.have.length(6);
    expect(await events()).to.deep.equal([]);
    expect(await getSnapshot(side.store.db, 'stops')).to.equal(null);
    expect(await getSnapshot(side.store.db, 'restarts')).to.equal(null);
  });

  it('leaves the snapshot of a container that has ended as it is', async () => {
    const container = await putGame('g');
    engines.behave(says(500));
    await probe(2);
    const exit = {
      type: 'container_exited',
      source: 'docker_event',
      containerId: container?.id ?? '',
      occurredAtMs: 5,
      details: { exit_code: 1, oom: false },
    } as const;
    // An operation that commits what it found: the probe waits for it, and then finds the game stopped.
    const held = Promise.withResolvers<void>();
    const [locked, committed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const committing = side.store.elsewhere(async (db) => {
      await db.transaction(async (transaction) => {
        const record = await getRecord(transaction, 'g');
        if (record) await swapRecord(transaction, recordStop(record, Date.now()));
        await putSnapshot(transaction, 'g', exit);
        locked.resolve();
        await held.promise;
      });
      committed.resolve();
    });
    await locked.promise;
    const probing = probe(1);
    await side.store.blocked(1);
    held.resolve();
    await Promise.all([committing, probing, committed.promise]);
    expect(await getSnapshot(side.store.db, 'g')).to.include({ status: 'exited', source: 'docker_event' });
    expect(await events()).to.deep.equal([]);
  });

  it('takes no result for one of the engine: neither a failure nor a success (failure mode 17)', async () => {
    await putGame('g');
    engines.behave(says(500));
    await probe(2);
    const { docker } = side.tick;
    side.api.always('GET /containers/:id/json', (exchange) => exchange.send({ status: 500 }));
    await side.store.rows(`update rtmanager.runtime_records set docker_network = 'elsewhere'`);
    // Addresses that are not known, because Docker does not tell them.
    const blind = makeEngineProber({ docker, timeoutMs: 100, log: side.log });
    await probe(5, { engines: blind });
    blind.close();
    expect((await counters())[0]).to.include({ consecutive_failures: 2, told: false });
    expect(await events()).to.deep.equal([]);
    await probe(1);
    expect(await types()).to.deep.equal(['probe_failed']);
  });

  describe('when many fail at once (failure mode 17)', () => {
    it('says once that it is the prober, and tells of none of them', async () => {
      await putGames(12);
      engines.behave(says(503), ...names(7));
      await probe(6);
      expect(await events()).to.deep.equal([]);
      expect(warnings()).to.deep.equal([
        'more than half of all games fail their probe: it is taken for the trouble of the prober itself',
      ]);
      // Each counts once at most, if the trouble were over now.
      expect((await counters()).map((one) => one.consecutive_failures)).to.deep.equal(Array(7).fill(1));
    });

    it('tells of each engine that answers with garbage, however many they are', async () => {
      await putGames(11);
      engines.behave((_request, response) => void response.writeEarlyHints({ link: '</x>' }), ...names(5));
      engines.behave(says(200, 'no JSON'), ...names(8).slice(5));
      await probe(4);
      expect((await events()).map(({ gameId }) => gameId)).to.have.members(names(8));
      expect(await types()).to.deep.equal(Array(8).fill('probe_failed'));
      expect(warnings()).to.deep.equal([]);
    });

    it('tells of each when half of them fail', async () => {
      await putGames(12);
      engines.behave(says(503), ...names(6));
      await probe(4);
      expect((await events()).map(({ gameId }) => gameId)).to.have.members(names(6));
      expect(await types()).to.deep.equal(Array(6).fill('probe_failed'));
      expect(warnings()).to.deep.equal([]);
    });

    it('tells of all nine of nine', async () => {
      await putGames(9);
      engines.behave(dropsConnection);
      await probe(3);
      expect(await types()).to.deep.equal(Array(9).fill('probe_failed'));
      expect(warnings()).to.deep.equal([]);
    });

    it('tells of the ends of spells all the same, and says it again of trouble that comes back', async () => {
      await putGames(12);
      engines.behave(says(503), 'g0');
      await probe(3);
      engines.behave(says(503), ...names(12));
      await probe(2);
      engines.behave(healthy, 'g0');
      await probe(1);
      expect(await types()).to.deep.equal(['probe_failed', 'probe_recovered']);
      engines.behave(healthy, ...names(12));
      await probe(1);
      expect(warnings()).to.have.length(1);
      round += 5;
      engines.behave(says(503), ...names(12));
      await probe(2);
      expect(warnings()).to.have.length(2);
      expect(await types()).to.have.length(2);
    });

    it('counts on from where a game was before', async () => {
      await putGames(12);
      engines.behave(says(503), 'g0');
      await probe(2);
      engines.behave(says(503));
      await probe(3);
      engines.behave(healthy);
      await probe(2);
      expect((await events()).map(({ gameId, type }) => [gameId, type])).to.deep.equal([
        ['g0', 'probe_failed'],
      ]);
    });
  });

  describe('in two replicas', () => {
    let other: TickContext['engines'];
    beforeEach(async () => {
      other = makeEngineProber({ docker: side.tick.docker, timeoutMs: 5_000, log: side.log });
    });
    afterEach(() => other.close());

    it('counts in turns, and tells once, whichever of them dies', async () => {
      await putGame('g');
      engines.behave(says(500));
      await probe(1);
      await probe(1, { engines: other });
      expect(await types()).to.deep.equal([]);
      await probe(1);
      await probe(2, { engines: other });
      expect(await types()).to.deep.equal(['probe_failed']);
      engines.behave(healthy);
      await probe(1, { engines: other });
      await probe(1);
      expect(await types()).to.deep.equal(['probe_failed', 'probe_recovered']);
    });

    it('tells once when both do the same tick, or two at a time', async () => {
      await putGames(5);
      engines.behave(says(500));
      const both = async (behindMs: number) => {
        round += 2;
        const { dueAtMs } = context();
        await side.store.elsewhere((db) =>
          Promise.all([
            probeRuntimes(context()),
            probeRuntimes(context({ db, engines: other, dueAtMs: dueAtMs - behindMs })),
          ]),
        );
      };
      for (let times = 0; times < 4; times += 1) await both(0);
      expect(await types()).to.deep.equal(Array(5).fill('probe_failed'));
      engines.behave(healthy);
      for (let times = 0; times < 3; times += 1) await both(INTERVAL_MS);
      expect((await types()).toSorted()).to.deep.equal([
        ...Array(5).fill('probe_failed'),
        ...Array(5).fill('probe_recovered'),
      ]);
    });

    it('of which one is cut off: that one says so, and the games are told of by the other', async () => {
      await putGames(12);
      engines.behave(says(503), 'g0');
      const cutOff: TickContext['engines'] = {
        ...other,
        probe: (engine, signal) => other.probe({ ...engine, endpoint: 'http://nobody:1' }, signal),
        get unanswered() {
          return other.unanswered;
        },
      };
      for (let times = 0; times < 6; times += 1) {
        await probe(1, { engines: cutOff });
        await probe(1);
      }
      expect((await events()).map(({ gameId, type }) => [gameId, type])).to.deep.equal([
        ['g0', 'probe_failed'],
      ]);
      expect(warnings()).to.deep.equal([
        'more than half of all games fail their probe: it is taken for the trouble of the prober itself',
        'engines answer other replicas, but not this one; its failed probes count for nothing',
      ]);
    });
  });

  describe('a death in the middle', () => {
    it('before the commit counts nothing, and the next tick goes on', async () => {
      await putGame('g');
      engines.behave(says(500));
      await probe(2);
      await side.store.rows(`
        create function rtmanager.refuse_message() returns trigger language plpgsql as
          $$ begin raise exception 'dies here' using errcode = '57P01'; end $$;
        create trigger refuse before insert on rtmanager.outbox
          for each row execute function rtmanager.refuse_message();`);
      const before = await side.store.world();
      await rejectionOf(probe(1));
      expect(await side.store.world()).to.deep.equal(before);
      await side.store.rows('drop trigger refuse on rtmanager.outbox');
      await probe(2);
      expect(await types()).to.deep.equal(['probe_failed']);
    });

    it('after the commit leaves the message to the repair sweep', async () => {
      await putGame('g');
      engines.behave(says(500));
      await probe(2);
      await rejectionOf(probe(1, { publish: () => Promise.reject(new Error('dies here')) }));
      await probe(2);
      expect(await side.store.rows('select published_at from rtmanager.outbox')).to.deep.equal([
        { published_at: null },
      ]);
    });

    it('of the replica ends the tick at once and counts nothing of it', async () => {
      await putGame('g');
      const leaving = new AbortController();
      engines.behave(() => leaving.abort());
      await probe(1, { signal: leaving.signal });
      await probe(1, { signal: leaving.signal });
      expect(await counters()).to.deep.equal([]);
      expect(engines.asked).to.have.length(1);
    });
  });
});
