import { expect } from 'chai';
import { handlers } from '../../handlers/index.ts';
import { inspectRuntimes } from '../../handlers/inspect-runtimes.ts';
import type { TickContext } from '../../handlers/types.ts';
import { planRound } from '../../lib/tick-slice.ts';
import { countQueries } from '../helpers/count-queries.ts';
import { letDaemonSettle } from '../helpers/drift.ts';
import { hang, refuse } from '../helpers/fake-docker-scripts.ts';
import type { FakeContainer } from '../helpers/fake-docker-world.ts';
import { type HandlerSide, makeHandlerSide, OLD_IMAGE } from '../helpers/handler-side.ts';
import { getSnapshot } from '../helpers/snapshot.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const INTERVAL_MS = 30_000;
const INSPECT = 'GET /containers/:id/json';
const LIST = 'GET /containers/json';

describe('the inspection of running games (spec, section 5)', () => {
  let store: Store;
  let side: HandlerSide;
  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  beforeEach(async () => {
    side = await makeHandlerSide({ RTMANAGER_INSPECT_INTERVAL: `${INTERVAL_MS}ms` }, store);
  });
  afterEach(() => side.close());

  async function putGame(gameId = 'g', given: Partial<FakeContainer> = {}): Promise<FakeContainer> {
    const container = await side.putGame(gameId);
    if (!container) throw new Error('a game with a container was to be put');
    return Object.assign(container, given);
  }
  const tick = (dueAtMs: number, given: Partial<TickContext> = {}) =>
    inspectRuntimes({ ...side.tick, dueAtMs, turnMs: dueAtMs, ...given });
  /** Every tick of one round, so that each game is looked at once. */
  async function round(given: Partial<TickContext> = {}): Promise<void> {
    const everyMs = planRound(INTERVAL_MS).sliceMs;
    for (let atMs = 0; atMs < INTERVAL_MS; atMs += everyMs) await tick(atMs, given);
  }
  const wholePass = async () => void (await side.tick.reconcile('reconcile', () => true));
  const events = async (): Promise<string[]> =>
    (await side.store.messages()).map((one) => `${one.game_id} ${one.event_type} ${one.details}`);
  const operations = async (): Promise<string[]> =>
    (await side.store.operations()).map((one) => `${one.game_id} ${one.op_kind} ${one.reason}`);
  const health = async (gameId = 'g') => (await getSnapshot(side.store.db, gameId))?.status;
  const told = (state: string, restarts = 0, verdict = 'none', gameId = 'g') =>
    `${gameId} inspect_unhealthy {"restart_count":${restarts},"state":"${state}","health":"${verdict}"}`;

  it('finds nothing wrong with a healthy fleet, and writes nothing', async () => {
    for (const gameId of ['a', 'b', 'c']) await putGame(gameId, { health: 'healthy' });
    await side.putGame('stopped', { status: 'stopped' });
    const before = await side.store.world();
    await round();
    expect(await side.store.world()).to.deep.equal(before);
    // Each running game once, and no other.
    expect(side.api.sent(INSPECT)).to.have.length(3);
    expect(side.api.sent(LIST)).to.deep.equal([]);
  });

  it('looks in each tick at the games of its slice', async () => {
    for (let game = 0; game < 60; game += 1) await putGame(`g${game}`);
    const looked: number[] = [];
    for (let atMs = 0; atMs < INTERVAL_MS; atMs += 1_000) {
      const before = side.api.sent(INSPECT).length;
      await tick(atMs);
      looked.push(side.api.sent(INSPECT).length - before);
    }
    expect(looked.reduce((sum, count) => sum + count, 0)).to.equal(60);
    expect(Math.max(...looked)).to.be.at.most(10);
  });

  it('tells once that a container is paused, goes back to healthy without a word, and tells of the next pause', async () => {
    const container = await putGame();
    container.state = 'paused';
    await round();
    await round();
    expect(await events()).to.deep.equal([told('paused')]);
    expect(await getSnapshot(side.store.db, 'g')).to.deep.include({
      containerId: container.id,
      status: 'inspect_unhealthy',
      source: 'inspect',
      details: { restart_count: 0, state: 'paused', health: 'none' },
    });

    container.state = 'running';
    await round();
    await round();
    expect(await events()).to.have.length(1);
    expect(await getSnapshot(side.store.db, 'g')).to.deep.include({
      status: 'healthy',
      source: 'inspect',
      details: {},
    });

    container.state = 'paused';
    await round();
    await round();
    expect(await events()).to.deep.equal([told('paused'), told('paused')]);
    expect(await operations()).to.deep.equal([]);
  });

  it('tells that a restart count grew, and again when it grows anew', async () => {
    const container = await putGame();
    container.restartCount = 2;
    await round();
    await round();
    expect(await events()).to.deep.equal([told('running', 2)]);
    expect(await health()).to.equal('healthy');
    container.restartCount = 3;
    await round();
    expect(await events()).to.deep.equal([told('running', 2), told('running', 3)]);
    expect(await health()).to.equal('inspect_unhealthy');
  });

  it('tells what the health check of the image found, and nothing of one that has not said yet', async () => {
    const container = await putGame('g', { health: 'starting' });
    await round();
    container.health = 'unhealthy';
    await round();
    container.state = 'paused';
    await round();
    container.state = 'running';
    await round();
    // The pause was a spell in the middle of the other one, which is still the same.
    expect(await events()).to.deep.equal([told('running', 0, 'unhealthy'), told('paused', 0, 'unhealthy')]);
    container.health = 'healthy';
    await round();
    expect(await health()).to.equal('healthy');
    expect(await events()).to.have.length(2);
  });

  it('begins anew with a new container', async () => {
    await putGame('g', { state: 'paused' });
    await round();
    await side.queue({ gameId: 'g', opKind: 'restart', opSource: 'gm_rest', imageRef: null });
    await side.run('g', 'restart', handlers.restart);
    expect(await health()).to.equal('healthy');
    const [replaced] = [...side.world.containers.values()];
    if (!replaced) throw new Error('there is a new container');
    await round();
    replaced.state = 'paused';
    await round();
    const of = (await side.store.messages())
      .filter((one) => one.event_type === 'inspect_unhealthy')
      .map((one) => one.container_id);
    expect(of).to.have.length(2);
    expect(of[1]).to.equal(replaced.id);
  });

  it('leaves a game alone while an operation has its turn, and tells at the next look', async () => {
    await putGame('g', { state: 'paused' });
    await side.queue({ gameId: 'g', opKind: 'start', opSource: 'gm_rest', imageRef: OLD_IMAGE });
    await round();
    expect(await events()).to.deep.equal([]);
    expect(await health()).to.equal(undefined);
    await side.run('g', 'start', handlers.start);
    await round();
    expect(await events()).to.deep.equal([told('paused')]);
  });

  it('says nothing of a container that is not the game’s any more when it comes to write', async () => {
    await putGame('g', { state: 'paused' });
    side.api.script(INSPECT, async (exchange) => {
      await side.store.rows(`update rtmanager.runtime_records set status = 'stopped'`);
      exchange.send(exchange.act());
    });
    await round();
    expect(await events()).to.deep.equal([]);
    expect(await health()).to.equal(undefined);
  });

  it('tells once, however many ticks look at once', async () => {
    for (const gameId of ['a', 'b', 'c', 'd']) await putGame(gameId, { state: 'paused' });
    await Promise.all([round(), round(), round()]);
    expect((await events()).toSorted()).to.deep.equal(
      ['a', 'b', 'c', 'd'].map((gameId) => told('paused', 0, 'none', gameId)),
    );
  });

  it('asks PostgreSQL as often for many games as for one', async () => {
    const everyGame = { ...side.tick.config, inspect: { intervalMs: 1 } };
    const queriesOfTick = async (): Promise<number> => {
      const counted = countQueries(side.tick.db);
      await tick(0, { db: counted.db, config: everyGame });
      return counted.queries;
    };
    await putGame('healthy');
    expect(await queriesOfTick()).to.equal(2);
    await putGame('one', { state: 'paused' });
    const forOne = await queriesOfTick();
    for (let game = 0; game < 40; game += 1) await putGame(`of-many-${game}`, { state: 'paused' });
    expect(await queriesOfTick()).to.equal(forOne);
    expect(await events()).to.have.length(41);
    for (const container of side.world.containers.values()) container.state = 'running';
    expect(await queriesOfTick()).to.be.at.most(forOne);
    expect(await health('of-many-7')).to.equal('healthy');
  });

  it('lets what it told leave at once', async () => {
    await putGame('a', { state: 'paused' });
    await putGame('b');
    const published: string[] = [];
    const publish: TickContext['publish'] = async (gameIds) => void published.push(...gameIds);
    await round({ publish });
    await round({ publish });
    expect(published).to.deep.equal(['a']);
  });

  describe('lets a snapshot be that tells of something newer:', () => {
    it('a probe that failed since', async () => {
      const container = await putGame('g', { state: 'paused' });
      await round();
      await side.store.rows(
        `update rtmanager.health_snapshots set status = 'probe_failed', source = 'probe'`,
      );
      container.state = 'running';
      await round();
      expect(await health()).to.equal('probe_failed');
    });

    it('a probe that had told before, and will tell of its recovery', async () => {
      const container = await putGame('g', { state: 'paused' });
      await side.store.rows(
        `insert into rtmanager.probe_counters
           (game_id, container_id, consecutive_failures, failing_since, last_error, told, observed_at)
         values ('g', $1, 3, now(), '', true, now())`,
        [container.id],
      );
      await round();
      container.state = 'running';
      await round();
      expect(await health()).to.equal('inspect_unhealthy');
    });
  });

  describe('leaves what does not run any more to a reconcile pass', () => {
    // As at every start: the daemon is known.
    beforeEach(wholePass);
    const DEATHS: readonly [
      what: string,
      die: (container: FakeContainer) => void,
      kind: 'exit' | 'dispose',
    ][] = [
      ['has exited', (one) => Object.assign(one, { state: 'exited', exitCode: 1 }), 'exit'],
      ['is dead', (one) => Object.assign(one, { state: 'dead' }), 'exit'],
      ['is gone', (one) => side.world.containers.delete(one.id), 'dispose'],
    ];
    for (const [what, die, kind] of DEATHS) {
      it(`one that ${what}: queued once, told by the operation, found by the inspection`, async () => {
        const container = await putGame();
        await putGame('other');
        die(container);
        await round();
        await round();
        expect(await operations()).to.deep.equal([`g reconcile_${kind} inspect`]);
        expect(await events()).to.deep.equal([]);
        expect((await side.run('g', `reconcile_${kind}`, handlers[`reconcile_${kind}`])).result).to.equal(
          'success',
        );
        const event = kind === 'exit' ? 'container_exited' : 'container_disappeared';
        expect((await side.store.messages()).map((one) => one.event_type)).to.deep.equal([event]);
        expect(await getSnapshot(side.store.db, 'g')).to.include({
          source: 'inspect',
          containerId: container.id,
        });
        const asked = side.api.sent(LIST).length;
        await round();
        expect(side.api.sent(LIST)).to.have.length(asked);
      });
    }

    it('and takes nothing along that other passes are for', async () => {
      const container = await putGame('g');
      await putGame('later');
      await side.putGame('by-hand', { status: 'stopped' });
      for (const one of side.world.containers.values())
        if (one.name.endsWith('by-hand')) one.state = 'running';
      container.state = 'exited';
      const everyMs = planRound(INTERVAL_MS).sliceMs;
      for (let atMs = 0; (await operations()).length === 0; atMs += everyMs) await tick(atMs);
      expect(await operations()).to.deep.equal(['g reconcile_exit inspect']);
    });

    it('and asks for no pass while an operation has the game’s turn', async () => {
      const container = await putGame();
      container.state = 'exited';
      await side.queue({ gameId: 'g', opKind: 'stop', opSource: 'gm_rest', imageRef: null });
      await round();
      expect(side.api.sent(LIST)).to.have.length(1);
      expect(await operations()).to.deep.equal(['g stop null']);
    });

    it('whose dispose brake holds, and which is then not asked again (failure mode 11)', async () => {
      for (let game = 0; game < 20; game += 1) await putGame(`g${game}`);
      const [kept] = [...side.world.containers.values()];
      side.world.containers.clear();
      await round();
      expect(await operations()).to.deep.equal([]);
      const brakes = () =>
        side.log.lines.filter((line) => line.message.startsWith('the dispose brake is on'));
      expect(brakes()).to.have.length(1);
      await round();
      expect(brakes()).to.have.length(1);
      expect(await events()).to.deep.equal([]);

      // One that is there again, and goes once more, is a loss like any other.
      if (!kept) throw new Error('there were containers');
      side.world.containers.set(kept.id, kept);
      await round();
      kept.state = 'exited';
      await round();
      expect((await operations()).map((one) => one.replace(/^g\d+ /, ''))).to.deep.equal([
        'reconcile_exit inspect',
      ]);
    });
  });

  it('disposes nothing on another daemon, and leaves it to whole passes to know it (failure mode 11)', async () => {
    await putGame('a');
    await putGame('b');
    await wholePass();
    side.world.daemonId = 'ANOTHER:DAEMON';
    side.world.containers.clear();
    await round();
    await round();
    expect(await operations()).to.deep.equal([]);
    const alarms = side.log.lines.filter((line) => line.message.startsWith('Docker is another daemon'));
    expect(alarms).to.have.length(1);
    await wholePass();
    await wholePass();
    expect(await operations()).to.deep.equal([]);
    await letDaemonSettle(side.store);
    await wholePass();
    expect(await operations()).to.have.members([
      'a reconcile_dispose reconcile',
      'b reconcile_dispose reconcile',
    ]);
  });

  describe('learns nothing from a Docker that does not tell', () => {
    it('of one container: the others are looked at all the same, and the tick ends (failure mode 10)', async () => {
      const silent = await putGame('silent', { state: 'exited' });
      const games = ['a', 'b', 'c', 'd'];
      for (const gameId of games) await putGame(gameId, { state: 'paused' });
      side.api.always(INSPECT, (exchange) =>
        exchange.request.params[0] === silent.id ? undefined : exchange.send(exchange.act()),
      );
      // All in one slice: the silent one is waited for once, for five seconds.
      await tick(0, { config: { ...side.tick.config, inspect: { intervalMs: 1 } } });
      expect(await events()).to.have.length(games.length);
      expect(await operations()).to.deep.equal([]);
      const warnings = side.log.lines.filter((line) => line.message.startsWith('containers could not be'));
      expect(warnings.map((line) => line.fields.containers)).to.deep.equal([1]);
    });

    it('of any: nothing is told, queued or disposed', async () => {
      for (const gameId of ['a', 'b', 'c']) await putGame(gameId, { state: 'paused' });
      side.api.always(INSPECT, refuse(500, 'no'));
      const before = await side.store.world();
      await round();
      expect(await side.store.world()).to.deep.equal(before);
    });

    it('in time: a tick ends with the replica', async () => {
      await putGame();
      side.api.always(INSPECT, hang());
      const stopping = new AbortController();
      const ended = Promise.allSettled([round({ signal: stopping.signal })]);
      stopping.abort(new Error('the replica stops'));
      expect((await ended)[0]).to.have.nested.property('reason.message', 'the replica stops');
    });
  });
});
