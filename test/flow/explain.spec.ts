import { expect } from 'chai';
import { handlers } from '../../handlers/index.ts';
import type { Cause } from '../../lib/explain/rule.ts';
import type { NextAction } from '../../lib/explain/what-next.ts';
import type { OpKind } from '../../lib/operation.ts';
import { toShownText } from '../../lib/shown-text.ts';
import type { ReadinessCheck } from '../../openapi/readiness.ts';
import { putFindings } from '../../sql/inspect-findings.ts';
import { putCounters } from '../../sql/probe-counters.ts';
import { errorCode } from '../helpers/assert-contract.ts';
import { type Drift, makeDrift } from '../helpers/drift.ts';
import { drop, hang, makeProgress, pass, refuse } from '../helpers/fake-docker-scripts.ts';
import type { FakeContainer } from '../helpers/fake-docker-world.ts';
import { type HandlerSide, makeHandlerSide, NEW_IMAGE, OLD_IMAGE } from '../helpers/handler-side.ts';
import { logFrame } from '../helpers/log-frame.ts';
import { bodyOf } from '../helpers/rest-client.ts';
import { makeRestService, type RestService } from '../helpers/rest-service.ts';

const GAME = 'game-7';
const ABSENT = 'registry.example/engine:9.9.9';

/** An answer, as far as these tests read it; the service checks all of it against the contract. */
interface Explained {
  readonly cause: Cause;
  readonly summary: string;
  readonly findings: readonly { code: Cause; severity: string; evidence: string[]; advice: string | null }[];
  readonly intent: { desired: string | null; asked_by: { op_kind: OpKind; reason: string | null } | null };
  readonly next: { action: NextAction; at: string | null; message: string };
  readonly runtime: { status: string; image_digest: string | null } | null;
  readonly docker: { reachable: boolean; message: string | null; containers: { state: string }[] };
  readonly redis: { reachable: boolean; message: string | null };
  readonly exit: { exit_code: number; oom_killed: boolean; operation_id: string | null } | null;
  readonly log_tail: { lines: string[]; operation_id: string | null } | null;
  readonly queue: readonly { op_kind: OpKind }[];
  readonly operations: readonly { op_kind: OpKind; outcome: string }[];
  readonly health_events: readonly { event_type: string; details: object }[];
  readonly reconcile: { action: string } | null;
}

describe('GET /runtimes/{game_id}/explain tells from one answer why a game is as it is', () => {
  let side: HandlerSide;
  let drift: Drift;
  let rest: RestService;
  let redis: ReadinessCheck;

  before(async () => {
    side = await makeHandlerSide({ RTMANAGER_RECONCILE_MAX_DISPOSE_SHARE: '0.25' });
    drift = makeDrift(side);
    const { docker, config } = side.tick;
    const { db } = side.store;
    rest = await makeRestService({ db, docker, config, readiness: { redis: (signal) => redis(signal) } });
  });
  after(async () => {
    await rest?.close();
    await side?.close();
  });
  beforeEach(async () => {
    await side.store.clear();
    side.world.containers.clear();
    side.world.networks.add('galaxy');
    side.world.daemonId = 'THE:DAEMON';
    redis = () => Promise.resolve([]);
    // A daemon that shows nothing at all would be asked twice by a pass.
    drift.putContainer('elsewhere', { networks: ['other'] });
    // The first pass says which daemon it is.
    await drift.pass();
  });

  const explain = async (gameId = GAME): Promise<Explained> => {
    const answer = await rest.runtimes(`/${gameId}/explain`);
    expect(answer.status).to.equal(200);
    return bodyOf(answer) as unknown as Explained;
  };
  const doNow = async (opKind: OpKind, given: { imageRef?: string; reason?: string } = {}) => {
    await side.queue({ gameId: GAME, opKind, imageRef: null, ...given });
    return side.run(GAME, opKind, handlers[opKind]);
  };
  const start = (imageRef = OLD_IMAGE) => doNow('start', { imageRef });
  const container = (): FakeContainer => {
    const found = [...side.world.containers.values()].find(({ name }) => name === `galaxy-game-${GAME}`);
    if (!found) throw new Error('the game has no container');
    return found;
  };
  /** Ends the game's container, and lets a reconcile pass find it. */
  const die = async (how: Partial<FakeContainer>) => {
    await start();
    Object.assign(container(), { state: 'exited', log: logFrame('stderr', 'fleet 12 is lost\n'), ...how });
    await repair();
  };
  const repair = async () => {
    await drift.pass();
    await drift.runQueued();
  };

  interface Incident {
    readonly what: string;
    readonly happen: () => Promise<unknown>;
    readonly cause: Cause;
    readonly says: RegExp;
    readonly next: NextAction;
    readonly more?: (told: Explained) => void;
  }

  const INCIDENTS: readonly Incident[] = [
    {
      what: 'the engine crashed',
      happen: () => die({ exitCode: 3 }),
      cause: 'engine_crashed',
      says: /crashed at 2026-01-01T01:00:00.123Z with exit code 3/,
      next: 'remove_container',
      more(told) {
        expect(told.exit).to.include({ exit_code: 3, oom_killed: false });
        expect(told.log_tail?.lines).to.deep.equal(['fleet 12 is lost']);
        expect(told.findings[0]?.evidence.join()).to.match(/last line of its log: fleet 12 is lost/);
        expect(told.intent).to.include({ desired: 'running' });
        expect(told.next.message).to.match(/does not start the game again by itself/);
        expect(told.health_events.map((one) => [one.event_type, one.details])).to.deep.equal([
          ['container_exited', { exit_code: 3, oom: false }],
          ['container_started', { image_ref: OLD_IMAGE }],
        ]);
        expect(told.operations.map((one) => one.op_kind)).to.deep.equal(['reconcile_exit', 'start']);
        expect(told.runtime?.image_digest).to.equal(`sha256:${OLD_IMAGE}`);
      },
    },
    {
      what: 'the engine crashed by a fault of memory, and its container is gone by now',
      async happen() {
        await die({ exitCode: 139 });
        side.world.containers.delete(container().id);
      },
      cause: 'engine_crashed',
      says: /exit code 139 \(SIGSEGV\)/,
      next: 'repair_record',
      more(told) {
        expect(told.log_tail).to.deep.include({ lines: ['fleet 12 is lost'] });
        expect(told.log_tail?.operation_id).to.be.a('string');
        expect(told.exit?.operation_id).to.equal(told.log_tail?.operation_id);
        expect(told.reconcile).to.include({ action: 'dispose' });
      },
    },
    {
      what: 'the engine crashed, and then its container was removed behind the back of RTM',
      async happen() {
        await die({ exitCode: 3 });
        side.world.containers.delete(container().id);
        await repair();
      },
      cause: 'engine_crashed',
      says: /exit code 3/,
      next: 'nothing',
      more: (told) => expect(told.runtime).to.include({ status: 'removed' }),
    },
    {
      what: 'the kernel killed it for want of memory',
      happen: () => die({ exitCode: 137, oomKilled: true }),
      cause: 'out_of_memory',
      says: /want of memory/,
      next: 'remove_container',
      more(told) {
        expect(told.exit).to.include({ exit_code: 137, oom_killed: true });
        expect(told.health_events.map((one) => one.event_type)).to.include('container_oom');
      },
    },
    {
      what: 'somebody killed it with docker kill',
      happen: () => die({ exitCode: 137 }),
      cause: 'engine_killed',
      says: /killed from outside.*SIGKILL \(exit code 137\).*nor for want of memory/,
      next: 'remove_container',
    },
    {
      what: 'it ended by itself with exit code 0',
      happen: () => die({ exitCode: 0 }),
      cause: 'engine_exited',
      says: /with exit code 0, and Runtime Manager had not stopped it/,
      next: 'remove_container',
    },
    {
      what: 'it has ended, and nobody has noticed yet',
      async happen() {
        await start();
        Object.assign(container(), { state: 'exited', exitCode: 2 });
      },
      cause: 'engine_crashed',
      says: /exit code 2/,
      next: 'repair_record',
      more(told) {
        expect(told.runtime).to.include({ status: 'running' });
        expect(told.docker.containers[0]).to.include({ state: 'exited', exit_code: 2, recorded: true });
        expect(told.reconcile).to.include({ action: 'mark_exited' });
      },
    },
    {
      what: 'its container was removed behind the back of RTM',
      async happen() {
        await start();
        side.world.containers.delete(container().id);
        await repair();
      },
      cause: 'container_removed',
      says: /removed outside Runtime Manager/,
      next: 'nothing',
      more: (told) => expect(told.health_events[0]?.event_type).to.equal('container_disappeared'),
    },
    {
      what: 'its image can not be pulled',
      happen: () => start(ABSENT),
      cause: 'image_pull_failed',
      says: /start failed.*manifest for registry.example\/engine:9.9.9 not found/,
      next: 'nothing',
      more: (told) => expect(told.runtime).to.equal(null),
    },
    {
      what: 'its image reference is none',
      happen: () => start('Galaxy/Engine 1'),
      cause: 'image_ref_invalid',
      says: /is not an image reference/,
      next: 'nothing',
    },
    {
      what: 'the network is missing',
      async happen() {
        side.world.networks.delete('galaxy');
        await start();
      },
      cause: 'network_missing',
      says: /network galaxy does not exist/,
      next: 'nothing',
      more: (told) => expect(told.findings[0]?.advice).to.match(/docker network create galaxy/),
    },
    {
      what: 'Docker refused to create the container: the disk is full',
      async happen() {
        side.api.script('POST /containers/create', refuse(400, 'no space left on device'));
        await start();
      },
      cause: 'container_start_failed',
      says: /no space left on device/,
      next: 'nothing',
    },
    {
      what: 'Docker refused to start the container: a port is taken',
      async happen() {
        side.api.script('POST /containers/:id/start', refuse(400, 'port is already allocated'));
        await start();
      },
      cause: 'container_start_failed',
      says: /port is already allocated/,
      next: 'nothing',
    },
    {
      what: 'Docker is away, and a start waits for it',
      async happen() {
        for (const route of DOCKER_LOOKS) side.api.always(route, drop());
        await start();
      },
      cause: 'docker_away',
      says: /Docker can not be asked/,
      next: 'retry_operation',
      more(told) {
        expect(told.docker).to.include({ reachable: false });
        expect(told.next.at).to.be.a('string');
        expect(told.findings.map((one) => one.code)).to.include('operation_retried');
      },
    },
    {
      what: 'a start is tried again after Docker was away',
      async happen() {
        for (const route of DOCKER_LOOKS) side.api.always(route, drop());
        await start();
        for (const route of DOCKER_LOOKS) side.api.always(route, pass());
      },
      cause: 'operation_retried',
      says: /start is tried again: attempt 1 failed, because Docker did not answer to "list /,
      next: 'retry_operation',
      more(told) {
        expect(told.docker).to.include({ reachable: true, message: null });
        expect(Date.parse(told.next.at ?? '')).to.be.greaterThan(Date.now() - 60_000);
        expect(told.queue.map((one) => one.op_kind)).to.deep.equal(['start']);
      },
    },
    {
      what: 'the replica that ran its start died',
      async happen() {
        await side.queue({ gameId: GAME, imageRef: OLD_IMAGE });
        await side.store.claim(GAME);
        await side.store.expireLease(GAME);
      },
      cause: 'replica_lost',
      says: /replica that ran the start has not been heard of/,
      next: 'take_over_operation',
    },
    {
      what: 'its probes fail while it runs',
      async happen() {
        await start();
        const seen = { failingSince: Date.now() - 60_000, observedAt: Date.now(), told: true };
        await putCounters(side.store.db, [
          {
            gameId: GAME,
            containerId: container().id,
            consecutiveFailures: 4,
            lastStatus: 503,
            lastError: toShownText('HTTP status 503'),
            ...seen,
          },
        ]);
      },
      cause: 'probe_failing',
      says: /runs and does not answer: 4 probes in a row have failed/,
      next: 'keep_probing',
      more(told) {
        expect(told.findings[0]?.evidence[0]).to.match(
          /HTTP status 503 from http:\/\/galaxy-game-game-7:8080/,
        );
        expect(told.log_tail).to.include({ operation_id: null });
        expect(told.next.message).to.match(/restarts no engine by itself/);
      },
    },
    {
      what: 'its container is paused',
      async happen() {
        await start();
        container().state = 'paused';
        const finding = { gameId: GAME, containerId: container().id, restartCount: 0, problems: ['paused'] };
        await putFindings(side.store.db, [finding], Date.now());
      },
      cause: 'inspect_unhealthy',
      says: /not well: paused/,
      next: 'keep_probing',
      more: (told) => expect(told.docker.containers[0]).to.include({ state: 'paused' }),
    },
    {
      what: 'its patch was rolled back',
      async happen() {
        await start();
        side.api.script('POST /containers/:id/start', refuse(400, 'exec /engine: no such file'));
        await doNow('patch', { imageRef: NEW_IMAGE });
      },
      cause: 'patch_rolled_back',
      says: /patch to galaxy\/engine:1.0.1 failed, and the game runs galaxy\/engine:1.0.0 again.*no such file/,
      next: 'keep_probing',
    },
    {
      what: 'a patch was refused, and changed nothing',
      async happen() {
        await start();
        await doNow('patch', { imageRef: 'galaxy/engine:2.0.0' });
      },
      cause: 'request_refused',
      says: /patch, was refused, and changed nothing/,
      next: 'keep_probing',
      more(told) {
        expect(told.intent.asked_by).to.include({ op_kind: 'start' });
        expect(told.findings.map((one) => one.code)).to.include('running');
      },
    },
    {
      what: 'the dispose brake holds it, with the containers of many others gone',
      async happen() {
        for (const gameId of [GAME, ...Array.from({ length: 11 }, (_, other) => `other-${other}`)])
          await side.putGame(gameId);
        side.world.containers.clear();
        drift.putContainer('elsewhere', { networks: ['other'] });
        await repair();
      },
      cause: 'reconcile_held',
      says: /dispose brake holds its record.*given up 12 games at once, with 12 running/,
      next: 'hold_record',
      more: (told) => expect(told.reconcile).to.include({ action: 'leave_alone' }),
    },
    {
      what: 'Docker is another daemon than the records tell of',
      async happen() {
        await start();
        side.world.containers.clear();
        side.world.daemonId = 'ANOTHER:DAEMON';
      },
      cause: 'daemon_changed',
      says: /another daemon than the records tell of/,
      next: 'hold_record',
    },
    {
      what: 'Redis is away, and a stop waits for it',
      async happen() {
        await start();
        await side.queue({ gameId: GAME, opKind: 'stop', imageRef: null, reason: 'finished' });
        redis = () => Promise.reject(new Error('connect ECONNREFUSED'));
      },
      cause: 'redis_away',
      says: /Redis can not be used.*ECONNREFUSED/,
      next: 'run_operation',
      more: (told) => expect(told.redis).to.deep.equal({ reachable: false, message: 'connect ECONNREFUSED' }),
    },
    {
      what: 'it was stopped on request',
      async happen() {
        await start();
        await doNow('stop', { reason: 'finished' });
      },
      cause: 'stopped_on_request',
      says: /stopped on request at .* \(finished\)/,
      next: 'remove_container',
      more(told) {
        expect(told.intent).to.include({ desired: 'stopped' });
        expect(told.findings).to.have.length(1);
      },
    },
    {
      what: 'its container was cleaned up',
      async happen() {
        await start();
        await doNow('stop', { reason: 'finished' });
        await doNow('cleanup_container');
      },
      cause: 'cleaned_up',
      says: /container was removed at .*, on request/,
      next: 'nothing',
    },
    {
      what: 'it waits for its first start',
      happen: () => side.queue({ gameId: GAME, imageRef: OLD_IMAGE }),
      cause: 'operation_waiting',
      says: /A start waits since/,
      next: 'run_operation',
      more(told) {
        expect(told.findings.map((one) => one.code)).to.include('never_started');
        expect(told.next.message).to.equal('It runs the start, as soon as a replica has room for it.');
      },
    },
    {
      what: 'nobody recorded its container',
      happen: async () => drift.putContainer(GAME),
      cause: 'unrecorded_container',
      says: /runs that the record does not tell of/,
      next: 'repair_record',
    },
    {
      what: 'all is well, after a death and a new start',
      async happen() {
        await die({ exitCode: 3 });
        await start();
      },
      cause: 'running',
      says: /runs galaxy\/engine:1.0.0 since/,
      next: 'keep_probing',
      more(told) {
        expect(told.findings.map((one) => one.code)).to.deep.equal(['running', 'died_before']);
        expect(told.exit).to.include({ exit_code: 3 });
      },
    },
  ];
  const DOCKER_LOOKS = ['GET /containers/json', 'GET /containers/:id/json', 'GET /networks'];

  for (const { what, happen, cause, says, next, more } of INCIDENTS) {
    it(what, async () => {
      try {
        await happen();
        const told = await explain();
        expect(told.cause, told.summary).to.equal(cause);
        expect(told.summary).to.match(says);
        expect(told.next.action).to.equal(next);
        expect(told.findings[0]?.code).to.equal(cause);
        more?.(told);
      } finally {
        for (const route of DOCKER_LOOKS) side.api.always(route, pass());
      }
    });
  }

  it('its start waits behind a pull that hangs', async () => {
    const pull = makeProgress();
    side.api.script('POST /images/create', pull.script);
    const started = start(ABSENT);
    await pull.begun;
    const told = await explain();
    expect(told).to.include({ cause: 'pull_waiting' });
    expect(told.summary).to.match(/start has waited for .* for the pull of registry.example\/engine:9.9.9/);
    expect(told.next).to.include({ action: 'finish_operation' });
    expect(told.next.message).to.match(/the pull is given up after 5m/);
    pull.end();
    await started;
  });

  it('a game that nobody has heard of: not_found', async () => {
    const answer = await rest.runtimes('/nobody/explain');
    expect([answer.status, errorCode(answer)]).to.deep.equal([404, 'not_found']);
  });

  it('a Docker that says nothing costs no more than its deadline, and nothing of what is on record', async () => {
    await die({ exitCode: 3 });
    side.api.script('GET /containers/json', hang());
    const askedAtMs = performance.now();
    const told = await explain();
    expect(performance.now() - askedAtMs).to.be.lessThan(5_000);
    expect(told).to.include({ cause: 'engine_crashed', reconcile: null });
    expect(told.docker).to.include({
      reachable: false,
      message: 'Docker did not answer within 1500 ms',
    });
    expect(told.findings.map((one) => one.code)).to.include('docker_away');
  });

  it('the brake holds no longer than until a pass finds the containers again', async () => {
    for (let game = 0; game < 12; game += 1) await side.putGame(`g${game}`);
    const lost = [...side.world.containers].filter(([, one]) => one.name.startsWith('galaxy-game'));
    for (const [id] of lost) side.world.containers.delete(id);
    await drift.pass();
    expect(await explain('g3')).to.include({ cause: 'reconcile_held' });
    for (const [id, one] of lost) if (one.name !== 'galaxy-game-g3') side.world.containers.set(id, one);
    await drift.pass();
    expect(await explain('g3')).to.not.include({ cause: 'reconcile_held' });
  });

  it('changes nothing', async () => {
    await die({ exitCode: 3 });
    const before = await side.store.world();
    await explain();
    expect(await side.store.world()).to.deep.equal(before);
  });
});
