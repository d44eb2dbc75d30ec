import { expect } from 'chai';
import { makeDockerConnection } from '../../lib/docker/connection.ts';
import { type Docker, makeDocker } from '../../lib/docker/docker.ts';
import { makeImageStore } from '../../lib/docker/image-store.ts';
import { makeRegistryAuth } from '../../lib/registry-auth.ts';
import type { ReconcilePlan } from '../../lib/survey-drift.ts';
import { getKnownDaemon, noteDaemon } from '../../sql/docker-daemon.ts';
import type { WaitingGame } from '../../sql/operation-log.ts';
import { type Drift, letDaemonSettle, makeDrift } from '../helpers/drift.ts';
import { failureOf, rejectionOf } from '../helpers/failure-of.ts';
import { cutOff, drop, hang, refuse, type Script } from '../helpers/fake-docker-scripts.ts';
import type { FakeContainer } from '../helpers/fake-docker-world.ts';
import { type HandlerSide, makeHandlerSide } from '../helpers/handler-side.ts';
import { hasten } from '../helpers/hasten.ts';

const LIST = 'GET /containers/json';
const INSPECT = 'GET /containers/:id/json';
const INFO = 'GET /info';

describe('a reconcile pass (spec, section 5)', () => {
  let side: HandlerSide;
  let drift: Drift;
  before(async () => {
    side = await makeHandlerSide();
    drift = makeDrift(side);
  });
  after(() => side.close());
  beforeEach(async () => {
    await side.store.clear();
    side.world.containers.clear();
    side.world.daemonId = 'THE:DAEMON';
    await noteDaemon(side.store.db, { daemonId: 'THE:DAEMON', eventCursor: 1n });
    // Another Runtime Manager's: a list with nothing at all in it is asked for twice.
    drift.putContainer('elsewhere', { name: 'neighbour', networks: ['other'] });
  });

  const actions = ({ steps }: ReconcilePlan) =>
    steps.map((step) => `${step.gameId} ${step.action}`).toSorted();
  const queued = async () =>
    (await side.store.operations())
      .filter((one) => one.status !== 'finished')
      .map((one) => `${one.game_id} ${one.op_kind} ${one.op_source}`)
      .toSorted();
  const recordOf = async (gameId: string) =>
    (
      await side.store.rows(
        'select status, current_container_id from rtmanager.runtime_records where game_id = $1',
        [gameId],
      )
    )[0];
  const said = (message: string) => side.log.lines.filter((line) => line.message.startsWith(message));
  const kill = (container: FakeContainer | undefined) => {
    if (container) container.state = 'exited';
  };
  /** Records of games that run, and whose containers are nowhere. */
  async function putLost(count: number, status = 'running'): Promise<void> {
    await side.store.rows(
      `insert into rtmanager.runtime_records (game_id, status, current_container_id, current_image_ref, engine_endpoint,
         state_path, docker_network, created_at, last_op_at)
       select 'lost-' || n, $2, 'gone' || n, 'engine:1', 'http://e', '/s', 'galaxy', now(), now()
       from generate_series(1, $1) as n`,
      [count, status],
    );
  }
  /** Docker whose deadlines come a hundred times sooner. */
  function hastenedDocker(): Docker {
    const connection = hasten(makeDockerConnection({ host: side.api.host }));
    const images = makeImageStore(connection, {
      policy: 'never',
      pullTimeoutMs: 1,
      parallelPulls: 1,
      registryAuth: makeRegistryAuth(undefined),
    });
    return makeDocker(connection, { network: 'galaxy', parallelStarts: 1, images });
  }

  describe('what it finds', () => {
    /** One game of each kind, named after what is to become of it. */
    async function putEverything(): Promise<void> {
      await side.putGame('fine');
      await side.putGame('fine-too', { status: 'stopped' });
      await side.putGame('was-removed', { status: 'removed' });
      kill(await side.putGame('exits'));
      side.world.containers.delete((await side.putGame('lost'))?.id ?? '');
      side.world.containers.delete((await side.putGame('lost-too', { status: 'stopped' }))?.id ?? '');
      const byHand = await side.putGame('by-hand', { status: 'stopped' });
      if (byHand) byHand.state = 'running';
      drift.putContainer('unknown');
      drift.putContainer('unknown-at-rest', { state: 'exited' });
      drift.putContainer('left', { state: 'created', operationId: await drift.putEnded('left') });
      drift.putContainer('was-removed', { operationId: await drift.putEnded('was-removed') });
      drift.putContainer('fine', { operationId: await drift.putEnded('fine') });
      drift.putContainer('fine-too');
      drift.putContainer('../etc');
      drift.putContainer('foreign', { labels: { 'com.galaxy.owner': 'somebody' } });
    }

    it('is queued, one operation a game, each of its kind; running them brings everything in step', async () => {
      await putEverything();
      const woken: WaitingGame[] = [];
      const plan = await drift.pass({ wake: async (games) => void woken.push(...games) });
      expect(actions(plan)).to.deep.equal([
        '../etc leave_alone',
        'by-hand adopt',
        'exits mark_exited',
        'fine remove_container',
        'fine-too leave_alone',
        'left remove_container',
        'lost dispose',
        'lost-too dispose',
        'unknown adopt',
        'unknown-at-rest leave_alone',
        'was-removed remove_container',
      ]);
      const operations = [
        'by-hand reconcile_adopt auto_reconcile',
        'exits reconcile_exit auto_reconcile',
        'fine reconcile_dispose auto_reconcile',
        'left reconcile_dispose auto_reconcile',
        'lost reconcile_dispose auto_reconcile',
        'lost-too reconcile_dispose auto_reconcile',
        'unknown reconcile_adopt auto_reconcile',
        'was-removed reconcile_dispose auto_reconcile',
      ];
      expect(await queued()).to.deep.equal(operations);
      expect(woken.map((one) => `${one.gameId} ${one.opKind} ${one.opSource}`).toSorted()).to.deep.equal(
        operations,
      );
      // 7 records that are there, one of a removed game that has a container; 10 containers of ours, without the neighbour.
      expect(plan).to.include({ records: 7, containers: 11, inStep: 0 });

      for (const report of await drift.runQueued()) expect(report).to.include({ result: 'success' });
      const after = await drift.pass();
      expect(actions(after)).to.deep.equal([
        '../etc leave_alone',
        'fine-too leave_alone',
        'unknown-at-rest leave_alone',
      ]);
      expect(await queued()).to.deep.equal([]);
    });

    it('is told by the dry run too, which changes nothing', async () => {
      await putEverything();
      const before = await side.store.world();
      const containers = structuredClone([...side.world.containers.values()]);
      const requests = side.api.requests.length;
      const plan = await drift.plan();
      expect(await side.store.world()).to.deep.equal(before);
      expect([...side.world.containers.values()]).to.deep.equal(containers);
      expect(new Set(side.api.requests.slice(requests).map((one) => one.method))).to.deep.equal(
        new Set(['GET']),
      );

      const pass = await drift.pass();
      expect({ ...pass, observedAtMs: 0, daemon: 0 }).to.deep.equal({ ...plan, observedAtMs: 0, daemon: 0 });
    });

    it('is nothing twice: a pass beside unfinished repairs queues no more', async () => {
      await putEverything();
      await drift.pass();
      const once = await queued();
      const plan = await drift.pass();
      expect(await queued()).to.deep.equal(once);
      expect(actions(plan).filter((one) => !one.endsWith('leave_alone'))).to.deep.equal(
        once.map((one) => `${one.split(' ')[0]} skip_busy`),
      );
    });

    it('is queued once by passes that meet', async () => {
      await putEverything();
      await Promise.all([drift.pass(), drift.pass(), drift.pass()]);
      expect(await queued()).to.have.length(8);
    });

    it('counts only what it compares: a neighbour’s container brings no record in', async () => {
      await side.putGame('fine');
      await side.putGame('elsewhere', { status: 'removed' });
      expect(await drift.plan()).to.include({ records: 1, containers: 1, inStep: 1 });
    });

    it('is logged: what is repaired as a warning, what is left alone with its ids', async () => {
      kill(await side.putGame('exits'));
      const left = drift.putContainer('unknown', { state: 'exited' });
      const from = side.log.lines.length;
      await drift.pass();
      expect(side.log.lines.slice(from).map(({ level, fields }) => ({ level, ...fields }))).to.deep.equal([
        { level: 'warn', source: 'reconcile', games: 1, mark_exited: 1, leave_alone: 1, missed_events: 1 },
        { level: 'info', count: 1, containers: [left.id] },
      ]);
    });
  });

  describe('a game whose turn is taken is left to the operation that has it', () => {
    for (const state of ['queued', 'running', 'running under a lease that ran out'] as const) {
      it(`${state} (failure mode 12)`, async () => {
        kill(await side.putGame('g'));
        await side.queue({ gameId: 'g', opKind: 'restart' });
        if (state !== 'queued') await side.store.claim('g');
        if (state.endsWith('out')) await side.store.expireLease('g');
        const plan = await drift.pass();
        expect(plan.steps.map(({ action, reason }) => ({ action, reason }))).to.deep.equal([
          {
            action: 'skip_busy',
            reason:
              "An unfinished operation has the game's turn. The record says running and the container is exited.",
          },
        ]);
        expect(await queued()).to.deep.equal(['g restart lobby_stream']);
        expect(await recordOf('g')).to.include({ status: 'running' });
      });
    }

    it('which may be creating a container right now (failure mode 12)', async () => {
      const operationId = '55555555-5555-4555-8555-555555555555';
      await side.queue({ gameId: 'g', operationId });
      await side.store.claim('g');
      const made = drift.putContainer('g', { operationId, state: 'created' });
      expect(actions(await drift.pass())).to.deep.equal(['g leave_alone']);
      made.state = 'running';
      expect(actions(await drift.pass())).to.deep.equal(['g skip_busy']);
      expect(await queued()).to.deep.equal(['g start lobby_stream']);
      expect(side.world.containers.has(made.id)).to.equal(true);
    });

    it('also where it is accepted between the look and the queueing', async () => {
      kill(await side.putGame('g'));
      await side.putGame('other');
      // The second look at a container is the last thing before the operations are queued.
      side.api.script(INSPECT, async ({ act, send }) => {
        await side.queue({ gameId: 'g', opKind: 'restart' });
        send(act());
      });
      await drift.pass();
      expect(await queued()).to.deep.equal(['g restart lobby_stream']);
    });

    it('also where it has ended by then: what it did was no drift', async () => {
      const old = await side.putGame('g');
      side.world.containers.delete(old?.id ?? '');
      const { id } = drift.putContainer('g');
      side.api.script(INSPECT, async ({ act, send }) => {
        await side.store.rows('update rtmanager.runtime_records set current_container_id = $1', [id]);
        send(act());
      });
      await drift.pass();
      expect(await queued()).to.deep.equal([]);
      expect(await recordOf('g')).to.deep.equal({ status: 'running', current_container_id: id });
    });
  });

  describe('what happens while it looks is no drift', () => {
    /** Happens right after the list is made, before it is answered. */
    const afterTheList = (happen: () => unknown): Script[] => [
      async ({ act, send }) => {
        const list = act();
        await happen();
        send(list);
      },
    ];
    async function passWhile(happen: () => unknown): Promise<ReconcilePlan> {
      side.api.script(LIST, ...afterTheList(happen));
      const plan = await drift.pass();
      expect(await queued()).to.deep.equal([]);
      return plan;
    }

    it('a game that is started, and recorded (failure mode 12)', async () => {
      expect((await passWhile(() => side.putGame('g'))).steps).to.deep.equal([]);
    });

    it('a container that is created and not recorded yet (failure mode 12)', async () => {
      expect((await passWhile(() => drift.putContainer('g'))).steps).to.deep.equal([]);
    });

    it('a container that ended and runs again', async () => {
      const container = await side.putGame('g');
      kill(container);
      const plan = await passWhile(() => {
        if (container) container.state = 'running';
      });
      expect(plan.steps).to.deep.equal([]);
    });

    it('a game that is stopped by RTM', async () => {
      const container = await side.putGame('g');
      const plan = await passWhile(async () => {
        kill(container);
        await side.store.rows(`update rtmanager.runtime_records set status = 'stopped'`);
      });
      expect(plan.steps).to.deep.equal([]);
    });

    it('a game whose container is removed by RTM', async () => {
      const container = await side.putGame('g', { status: 'stopped' });
      const plan = await passWhile(async () => {
        side.world.containers.delete(container?.id ?? '');
        await side.store.rows(
          `update rtmanager.runtime_records set status = 'removed', current_container_id = null`,
        );
      });
      expect(plan.steps.filter((step) => step.action !== 'leave_alone')).to.deep.equal([]);
    });
  });

  describe('absence is no fact by itself (failure mode 11)', () => {
    it('of a container that the list leaves out but an inspection finds', async () => {
      await side.putGame('g');
      side.api.script(LIST, ({ send }) => send({ status: 200, body: [] }));
      side.api.script(LIST, ({ send }) => send({ status: 200, body: [] }));
      expect((await drift.pass()).steps).to.deep.equal([]);
      expect(await queued()).to.deep.equal([]);
    });

    it('an empty list of a broken daemon that finds nothing by id either: the brake holds', async () => {
      for (let game = 0; game < 12; game += 1) await side.putGame(`g${game}`);
      const containers = [...side.world.containers];
      side.world.containers.clear();
      const plan = await drift.pass();
      expect(plan.brake).to.deep.equal({ on: true, wouldDispose: 12, running: 12, maxShare: 0.5 });
      expect(await queued()).to.deep.equal([]);
      for (const [id, container] of containers) side.world.containers.set(id, container);
      expect((await drift.pass()).steps).to.deep.equal([]);
    });

    it('an empty list that is none a second later: all of the games are as they were', async () => {
      await side.putGame('fine');
      await side.putGame('was-removed', { status: 'removed' });
      drift.putContainer('was-removed');
      side.api.script(LIST, ({ send }) => send({ status: 200, body: [] }));
      const plan = await drift.pass();
      expect(actions(plan)).to.deep.equal(['was-removed leave_alone']);
      expect(plan).to.include({ records: 2, containers: 2, inStep: 1 });
      expect(await queued()).to.deep.equal([]);
    });

    const LISTS: Readonly<Record<string, Script>> = {
      'that Docker refuses': refuse(500, 'database is locked'),
      'that breaks off': cutOff(200, '[{"Id":"c0ffee"'),
      'without an answer': drop(),
      'that is no list': ({ send }) => send({ status: 200, body: 'no JSON' }),
      'that is empty of words': ({ response }) => void response.writeHead(200).end(),
    };
    for (const [what, script] of Object.entries(LISTS)) {
      it(`a list ${what}: docker_unavailable, and nothing follows from it`, async () => {
        await side.putGame('g');
        side.world.containers.clear();
        side.api.script(LIST, script);
        expect((await failureOf(drift.pass())).code).to.equal('docker_unavailable');
        expect(await queued()).to.deep.equal([]);
      });
    }

    for (const [what, script] of Object.entries({
      hangs: hang(),
      'is refused': refuse(500, 'driver failed'),
    })) {
      it(`an inspection that ${what} changes nothing about its game, and keeps no other from being repaired (failure mode 10)`, async () => {
        const lost = await side.putGame('lost');
        side.world.containers.delete(lost?.id ?? '');
        kill(await side.putGame('exits'));
        const ill = ({ request }: Parameters<Script>[0]) => request.params[0] === lost?.id;
        side.api.always(INSPECT, (exchange) =>
          ill(exchange) ? script(exchange) : exchange.send(exchange.act()),
        );
        const plan = await drift.pass({ docker: hastenedDocker() });
        side.api.always(INSPECT, ({ act, send }) => send(act()));
        expect(actions(plan)).to.deep.equal(['exits mark_exited', 'lost leave_alone']);
        expect(plan.steps.find((step) => step.gameId === 'lost')?.reason).to.match(
          /^Docker did not say how it is now: .*\. The record says running and there is no such container any more\.$/,
        );
        expect(await queued()).to.deep.equal(['exits reconcile_exit auto_reconcile']);
      });
    }

    it('inspections that fail one after the other: docker_unavailable, and no more of them', async () => {
      for (let game = 0; game < 40; game += 1) kill(await side.putGame(`g${game}`));
      side.api.always(INSPECT, refuse(500, 'driver failed'));
      const asked = side.api.sent(INSPECT).length;
      const error = await failureOf(drift.pass());
      side.api.always(INSPECT, ({ act, send }) => send(act()));
      expect(error.code).to.equal('docker_unavailable');
      expect(error.message).to.include('driver failed');
      expect(side.api.sent(INSPECT).length - asked).to.be.lessThan(40);
      expect(await queued()).to.deep.equal([]);
    });

    it('another daemon than the records tell of: nothing is disposed, everything else goes on', async () => {
      side.world.containers.delete((await side.putGame('lost'))?.id ?? '');
      kill(await side.putGame('exits'));
      side.world.daemonId = 'ANOTHER:DAEMON';
      const plan = await drift.pass();
      expect(plan.daemonChanged).to.equal(true);
      expect(actions(plan)).to.deep.equal(['exits mark_exited', 'lost leave_alone']);
      expect(plan.steps.find((step) => step.gameId === 'lost')?.reason).to.equal(
        'Docker is another daemon than the records tell of. ' +
          'The record says running and there is no such container any more.',
      );
      expect(await queued()).to.deep.equal(['exits reconcile_exit auto_reconcile']);
      expect(said('Docker is another daemon').at(-1)).to.deep.include({
        level: 'error',
        fields: { daemon_id: 'ANOTHER:DAEMON' },
      });
      // From now on it is the one that they tell of; but passes may follow each other at once, and people need a while.
      expect((await getKnownDaemon(side.store.db))?.daemonId).to.equal('ANOTHER:DAEMON');
      expect(actions(await drift.pass())).to.deep.equal(['exits skip_busy', 'lost leave_alone']);
      await letDaemonSettle(side.store);
      expect(actions(await drift.pass())).to.deep.equal(['exits skip_busy', 'lost dispose']);
    });

    it('back on the right daemon nothing is removed at once either, whatever was given up meanwhile', async () => {
      await side.putGame('given-up', { status: 'removed', currentContainerId: null });
      const left = drift.putContainer('given-up', { operationId: await drift.putEnded('given-up') });
      side.world.daemonId = 'ANOTHER:DAEMON';
      await drift.pass();
      side.world.daemonId = 'THE:DAEMON';
      expect(actions(await drift.pass())).to.deep.equal(['given-up leave_alone']);
      expect(actions(await drift.pass())).to.deep.equal(['given-up leave_alone']);
      expect(side.world.containers.has(left.id)).to.equal(true);
      await letDaemonSettle(side.store);
      expect(actions(await drift.pass())).to.deep.equal(['given-up remove_container']);
    });

    it('another daemon: what an operation left of a lost game stays too, for that one would dispose the game', async () => {
      side.world.containers.delete((await side.putGame('lost'))?.id ?? '');
      const left = drift.putContainer('lost', { operationId: await drift.putEnded('lost') });
      side.world.daemonId = 'ANOTHER:DAEMON';
      expect(actions(await drift.pass())).to.deep.equal(['lost leave_alone', 'lost leave_alone']);
      await drift.runQueued();
      expect(await recordOf('lost')).to.include({ status: 'running' });
      expect(side.world.containers.has(left.id)).to.equal(true);
    });

    it('a daemon that does not say which one it is: docker_unavailable', async () => {
      side.world.containers.delete((await side.putGame('lost'))?.id ?? '');
      side.api.script(INFO, ({ send }) => send({ status: 200, body: {} }));
      expect((await failureOf(drift.pass())).code).to.equal('docker_unavailable');
      expect(await queued()).to.deep.equal([]);
    });

    it('the first pass notes the daemon and where its events are to be heard from', async () => {
      await side.store.rows('delete from rtmanager.docker_daemon');
      const from = BigInt(Date.now()) * 1_000_000n;
      await drift.pass();
      const known = await getKnownDaemon(side.store.db);
      expect(known?.daemonId).to.equal('THE:DAEMON');
      expect(Number((known?.eventCursor ?? 0n) - from) / 1e9).to.be.within(-1, 60);
      // And later passes leave it where it is: its events are heard meanwhile.
      await drift.pass();
      expect(await getKnownDaemon(side.store.db)).to.deep.equal(known);
    });
  });

  describe('the dispose brake (failure mode 11)', () => {
    it('lets ten go, were they all there are', async () => {
      await putLost(10);
      expect((await drift.pass()).brake.on).to.equal(false);
      expect(await queued()).to.have.length(10);
    });

    it('holds eleven, disposes none and raises an alarm; adoptions and exits go on', async () => {
      await putLost(11);
      kill(await side.putGame('exits'));
      drift.putContainer('unknown');
      const plan = await drift.pass();
      expect(plan.brake).to.deep.equal({ on: true, wouldDispose: 11, running: 12, maxShare: 0.5 });
      expect(await queued()).to.deep.equal([
        'exits reconcile_exit auto_reconcile',
        'unknown reconcile_adopt auto_reconcile',
      ]);
      expect(said('the dispose brake is on').at(-1)).to.deep.include({
        level: 'error',
        fields: { would_dispose: 11, running: 12, max_share: 0.5 },
      });
      await drift.runQueued();
      expect(await recordOf('lost-1')).to.include({ status: 'running' });
      expect(await recordOf('exits')).to.include({ status: 'stopped' });
      // And again with every pass.
      expect((await drift.pass()).brake.on).to.equal(true);
      expect(await queued()).to.deep.equal([]);
    });

    it('touches nothing else of a game that it holds either, and the plan says so', async () => {
      await putLost(11);
      const left = drift.putContainer('lost-1', { operationId: await drift.putEnded('lost-1') });
      const plan = await drift.pass();
      expect(plan.steps.find((step) => step.containerId === left.id)).to.include({
        action: 'leave_alone',
        reason:
          'The dispose brake holds its game. The record names another container of the game; an operation of RTM that has ended created it.',
      });
      expect(await queued()).to.deep.equal([]);
      expect(side.world.containers.has(left.id)).to.equal(true);
    });

    it('lets exactly the share go, and holds one more', async () => {
      await putLost(11);
      for (let game = 0; game < 11; game += 1) await side.putGame(`g${game}`);
      expect((await drift.plan()).brake).to.include({ on: false, wouldDispose: 11, running: 22 });
      await side.store.rows(`update rtmanager.runtime_records set status = 'stopped' where game_id = 'g0'`);
      const [first] = side.world.containers.values();
      expect(first).to.include({ name: 'neighbour' });
      expect((await drift.plan()).brake).to.include({ on: true, running: 21 });
    });

    it('does not count games whose turn is taken', async () => {
      await putLost(11);
      await side.queue({ gameId: 'lost-1', opKind: 'restart' });
      expect((await drift.pass()).brake).to.include({ on: false, wouldDispose: 10 });
    });
  });

  it('ends when it is told to, also in the middle', async () => {
    await side.putGame('g');
    const stop = new AbortController();
    side.api.script(LIST, () => stop.abort(new Error('the replica stops')));
    const error = await rejectionOf(drift.pass({ signal: stop.signal }));
    expect(error.message).to.equal('the replica stops');
  });

  it('takes a thousand games in step for what they are, with a handful of questions', async () => {
    const count = 1_000;
    const made = Array.from({ length: count }, (_, index) => drift.putContainer(`g${index}`));
    await side.store.rows(
      `insert into rtmanager.runtime_records (game_id, status, current_container_id, current_image_ref, engine_endpoint,
         state_path, docker_network, created_at, last_op_at)
       select 'g' || n - 1, 'running', id, 'engine:1', 'http://e', '/s', 'galaxy', now(), now()
       from unnest($1::text[]) with ordinality as made (id, n)`,
      [made.map((one) => one.id)],
    );
    const requests = side.api.requests.length;
    expect(await drift.pass()).to.deep.include({ records: count, inStep: count, steps: [] });
    expect(side.api.requests.slice(requests).map((one) => one.path)).to.deep.equal([
      '/info',
      '/containers/json',
    ]);
  });
});
