import { expect } from 'chai';
import fc from 'fast-check';
import { OP_KIND_OF } from '../../lib/reconcile-plan.ts';
import { RUNTIME_STATUSES, type RuntimeStatus } from '../../lib/runtime-record.ts';
import type { PlannedStep, ReconcilePlan } from '../../lib/survey-drift.ts';
import { type Drift, letDaemonSettle, makeDrift } from '../helpers/drift.ts';
import {
  GAMES,
  type Happening,
  happen,
  happening,
  interruption,
  isForeign,
} from '../helpers/drift-history.ts';
import { expectAfterPass, type Scene, seeScene } from '../helpers/drift-oracle.ts';
import { pass as asUsual, type Script } from '../helpers/fake-docker-scripts.ts';
import type { FakeContainer } from '../helpers/fake-docker-world.ts';
import { type HandlerSide, makeHandlerSide } from '../helpers/handler-side.ts';

const LIST = 'GET /containers/json';
const INSPECT = 'GET /containers/:id/json';

/** One world, and what a pass meets in it. */
interface Story {
  /** How the games begin: as a record says, with the container that goes with it, or unknown. */
  readonly games: readonly (RuntimeStatus | null)[];
  readonly history: readonly Happening[];
  /** Games that are recorded as running and have no container. */
  readonly lost: number;
  /** Docker is another daemon than before. */
  readonly moved: boolean;
  /** Passes in the middle of which more happens, before things come to rest. */
  readonly interrupted: readonly {
    readonly at: typeof LIST | typeof INSPECT;
    readonly by: readonly Happening[];
  }[];
}

const story: fc.Arbitrary<Story> = fc.record({
  games: fc.tuple(...GAMES.map(() => fc.constantFrom(null, 'running', ...RUNTIME_STATUSES))),
  history: fc.array(happening, { minLength: 2, maxLength: 10, size: 'max' }),
  lost: fc.oneof(
    { weight: 9, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 9, max: 12 }) },
  ),
  moved: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  interrupted: fc.array(
    fc.record({
      at: fc.constantFrom(LIST, INSPECT),
      by: fc.array(interruption, { minLength: 1, maxLength: 3 }),
    }),
    { maxLength: 2 },
  ),
});

const STORIES = 200;
/** So that a failure is told, with its seed, before the runner's own limit comes. */
const LIMIT_MS = 50_000;

describe('reconcile on random histories (spec, section 5)', function () {
  this.timeout(LIMIT_MS + 60_000);
  let side: HandlerSide;
  let drift: Drift;

  before(async () => {
    side = await makeHandlerSide();
    drift = makeDrift(side);
    // Thousands of small transactions: none of them has to survive a crash of PostgreSQL.
    await side.store.rows(`do $$ begin
      execute format('alter database %I set synchronous_commit = off', current_database()); end $$`);
    // Notes every change of a record, with the transaction that made it.
    await side.store.rows(`
      create table rtmanager.transitions (xid text, game_id text, old_status text, new_status text, container_id text);
      create function rtmanager.note_transition() returns trigger language plpgsql as $$ begin
        insert into rtmanager.transitions
        values (pg_current_xact_id()::text, old.game_id, old.status, new.status, old.current_container_id);
        return new;
      end $$;
      create trigger note_transition after update on rtmanager.runtime_records
        for each row execute function rtmanager.note_transition();
      alter table rtmanager.operation_log disable trigger operation_log_finished_is_final`);
  });
  after(() => side.close());

  const play = async (happenings: readonly Happening[]): Promise<void> => {
    for (const one of happenings) await happen(one, side, drift);
  };
  /** Containers that are none of RTM's: a recorded one stays its own, wherever somebody has put it. */
  async function seeStrangers(): Promise<FakeContainer[]> {
    const { containers, records } = await seeScene(side);
    const recorded = new Set([...records.values()].map((one) => one.containerId));
    return [...containers.values()].filter((one) => isForeign(one) && !recorded.has(one.id));
  }

  async function begin({ games, history, lost, moved }: Story): Promise<void> {
    await side.store.clear();
    await side.store.rows('delete from rtmanager.transitions');
    side.world.containers.clear();
    side.world.daemonId = 'THE:DAEMON';
    // A list with nothing at all in it is asked for twice, a second apart.
    drift.putContainer('neighbour', { networks: ['other'] });
    await drift.pass();
    for (const [index, status] of games.entries()) {
      if (status) await side.putGame(GAMES[index] ?? '', { status });
    }
    await play(history);
    await side.store.rows(
      `insert into rtmanager.runtime_records (game_id, status, current_container_id, current_image_ref, engine_endpoint,
         state_path, docker_network, created_at, last_op_at)
       select 'lost-' || n, 'running', 'gone-' || n, 'engine:1', 'http://e', '/s', 'galaxy', now(), now()
       from generate_series(1, $1) as n`,
      [lost],
    );
    if (lost > 0) drift.putContainer('lost-1', { operationId: await drift.putEnded('lost-1') });
    if (moved) side.world.daemonId = 'ANOTHER:DAEMON';
  }

  /** A pass, and its operations, while more happens at the first question of a kind that Docker gets. */
  async function passInterrupted(at: typeof LIST | typeof INSPECT, by: readonly Happening[]): Promise<void> {
    let isOver = false;
    const interrupting: Script = async ({ act, send }) => {
      const answer = act();
      if (!isOver) {
        isOver = true;
        await play(by);
      }
      send(answer);
    };
    side.api.always(at, interrupting);
    await drift.pass();
    await assertNobodyJoined();
    await drift.runQueued();
    side.api.always(at, asUsual());
    await letDaemonSettle(side.store);
  }

  /** A repair is queued only where its game has nothing else to do, and once. */
  async function assertNobodyJoined(): Promise<void> {
    const joined = await side.store.rows(`
      select game_id from rtmanager.operation_log where status <> 'finished'
      group by game_id having count(*) > 1 and bool_or(op_source = 'auto_reconcile')`);
    expect(joined, 'games with a repair beside other work').to.deep.equal([]);
  }

  /** What the log says was repaired since. */
  async function repairsSince(scene: Scene): Promise<string[]> {
    const rows = await side.store.rows(
      `select game_id, op_kind, container_id from rtmanager.operation_log
       where op_source = 'auto_reconcile' and status = 'finished' and outcome = 'success' and error_code is null
         and accepted_at > $1`,
      [scene.seenAt],
    );
    return rows.map((row) => `${row.game_id} ${row.op_kind} ${row.container_id}`).toSorted();
  }
  const repairsOf = ({ steps, brake }: ReconcilePlan): string[] =>
    steps
      .filter((step) => !(brake.on && step.action === 'dispose'))
      .flatMap(({ gameId, action, containerId }) => {
        const kind = action === 'skip_busy' ? null : OP_KIND_OF[action];
        return kind ? [`${gameId} ${kind} ${containerId}`] : [];
      })
      .toSorted();
  const isAtRest = ({ action }: PlannedStep, brakeIsOn: boolean): boolean =>
    action === 'leave_alone' || action === 'skip_busy' || (brakeIsOn && action === 'dispose');

  /** A pass while nothing else happens: it does what it says, and what it has to. */
  async function passAtRest(): Promise<void> {
    const before = await seeScene(side);
    const expected = expectAfterPass(before);
    const plan = await drift.plan();
    expect({ ...(await seeScene(side)), seenAt: 0 }, 'the dry run changed something').to.deep.equal({
      ...before,
      seenAt: 0,
    });
    const done = await drift.pass();
    expect({ ...done, observedAtMs: 0, daemon: 0 }).to.deep.equal({ ...plan, observedAtMs: 0, daemon: 0 });
    await drift.runQueued();
    expect(await repairsSince(before), 'the plan and what was done').to.deep.equal(repairsOf(plan));

    const after = await seeScene(side);
    expect(after.records).to.deep.equal(expected.records);
    expect(after.containers).to.deep.equal(expected.containers);
    expect(after.events.slice(0, before.events.length)).to.deep.equal(before.events);
    expect(after.events.slice(before.events.length)).to.have.members(expected.newEvents);
    expect(plan.brake.on).to.equal(expected.brakeIsOn);
    await letDaemonSettle(side.store);
  }

  /** Whenever it happened: a death is told by the transaction that recorded it, once; nothing else is told as one. */
  async function assertDeathsToldOnce(): Promise<void> {
    const untold = await side.store.rows(`
      select told.type, told.container_id from (
        select xmin::text as xid, fields #>> '{1,1}' as container_id, fields #>> '{2,1}' as type
        from rtmanager.outbox where channel = 'health_events') as told
      where type in ('container_exited', 'container_disappeared') and 1 <> (
        select count(*) from rtmanager.transitions as step
        where step.xid = told.xid and step.container_id is not distinct from nullif(told.container_id, '')
          and (step.old_status, step.new_status) in (('running', 'stopped'), ('running', 'removed'), ('stopped', 'removed')))`);
    expect(untold, 'deaths that no change of a record goes with').to.deep.equal([]);
    const twice = await side.store.rows(`
      select xmin::text, count(*) from rtmanager.outbox
      where channel = 'health_events' and fields #>> '{2,1}' in ('container_exited', 'container_disappeared')
      group by xmin::text having count(*) > 1`);
    expect(twice, 'deaths that are told twice').to.deep.equal([]);
  }

  /** Two games never have one container, and what is recorded as running runs, once nothing is under way. */
  async function assertRecordsHold(): Promise<void> {
    const { records, containers, busy } = await seeScene(side);
    const recorded = [...records.values()].flatMap((one) => one.containerId ?? []);
    expect(new Set(recorded).size).to.equal(recorded.length);
    for (const game of GAMES) {
      const record = records.get(game);
      if (busy.has(game) || record?.status !== 'running') continue;
      expect(containers.get(record.containerId ?? '')?.state).to.be.oneOf(['running', 'paused']);
    }
  }

  it('converges within two passes, does what its dry run says, and touches nothing that is not its own', async () => {
    await fc.assert(
      fc.asyncProperty(story, async (told) => {
        await begin(told);
        const strangers = await seeStrangers();
        for (const { at, by } of told.interrupted) await passInterrupted(at, by);
        await passAtRest();
        await passAtRest();
        const { steps, brake } = await drift.pass();
        expect(steps.filter((step) => !isAtRest(step, brake.on))).to.deep.equal([]);
        if (!brake.on) await assertRecordsHold();
        await assertDeathsToldOnce();
        expect([...side.world.containers.values()]).to.include.deep.members(strangers);
      }),
      { numRuns: STORIES, interruptAfterTimeLimit: LIMIT_MS },
    );
  });
});
