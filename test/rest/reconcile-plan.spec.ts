import { expect } from 'chai';
import { planReconciliation } from '../../handlers/reconcile-runtimes.ts';
import { OP_KIND_OF } from '../../lib/reconcile-plan.ts';
import type { PlannedStep } from '../../lib/survey-drift.ts';
import { errorCode } from '../helpers/assert-contract.ts';
import { type Drift, makeDrift } from '../helpers/drift.ts';
import { eventually } from '../helpers/eventually.ts';
import { drop, hang, refuse, type Script } from '../helpers/fake-docker-scripts.ts';
import { type HandlerSide, makeHandlerSide } from '../helpers/handler-side.ts';
import { bodyOf } from '../helpers/rest-client.ts';
import { makeRestService, type RestService } from '../helpers/rest-service.ts';

const PATH = '/api/v1/internal/reconcile/plan';

describe('GET /reconcile/plan', () => {
  let side: HandlerSide;
  let drift: Drift;
  let rest: RestService;
  before(async () => {
    side = await makeHandlerSide({ RTMANAGER_RECONCILE_MAX_DISPOSE_SHARE: '0.25' });
    drift = makeDrift(side);
    rest = await makeRestService({
      db: side.store.db,
      planReconciliation: (signal) =>
        planReconciliation({ ...side.tick, signal, now: () => 1_767_236_400_000 }),
    });
  });
  after(async () => {
    await rest?.close();
    await side?.close();
  });
  beforeEach(async () => {
    await side.store.clear();
    side.world.containers.clear();
    drift.putContainer('elsewhere', { networks: ['other'] });
  });

  it('tells of games in step in numbers', async () => {
    await side.putGame('fine');
    await side.putGame('fine-too', { status: 'stopped' });
    const answer = await rest.ask(PATH);
    expect(answer.status).to.equal(200);
    expect(answer.headers['cache-control']).to.equal('no-store');
    expect(bodyOf(answer)).to.deep.equal({
      observed_at: '2026-01-01T03:00:00.000Z',
      docker_network: 'galaxy',
      records: 2,
      containers: 2,
      in_step: 2,
      steps: [],
      dispose_brake: { on: false, would_dispose: 0, running: 1, max_share: 0.25 },
    });
  });

  it('tells of each that is not what would be done, by which operation, and why; and does nothing', async () => {
    const exited = await side.putGame('exits');
    if (exited) exited.state = 'exited';
    const lost = await side.putGame('lost');
    side.world.containers.delete(lost?.id ?? '');
    const busy = await side.putGame('busy');
    if (busy) busy.state = 'exited';
    await side.queue({ gameId: 'busy', opKind: 'restart' });
    await side.putGame('was-removed', { status: 'removed' });
    const left = drift.putContainer('was-removed', { operationId: await drift.putEnded('was-removed') });
    const unknown = drift.putContainer('unknown');
    const atRest = drift.putContainer('unknown-at-rest', { state: 'exited' });
    const odd = drift.putContainer('../etc');
    const before = await side.store.world();

    const { steps, ...numbers } = bodyOf(await rest.ask(PATH)) as { steps: Record<string, unknown>[] };
    expect(numbers).to.include({ records: 4, containers: 6, in_step: 0 });
    const told = (container: { id: string } | undefined) =>
      steps.filter((step) => step.container_id === container?.id);
    expect(told(exited)).to.deep.equal([
      {
        game_id: 'exits',
        container_id: exited?.id,
        record_status: 'running',
        container_state: 'not_running',
        action: 'mark_exited',
        op_kind: 'reconcile_exit',
        reason: 'The record says running and the container is exited.',
      },
    ]);
    const shown = (container: { id: string } | undefined) =>
      told(container).map((step) => [step.record_status, step.container_state, step.action, step.op_kind]);
    expect(shown(lost)).to.deep.equal([['running', 'gone', 'dispose', 'reconcile_dispose']]);
    expect(shown(busy)).to.deep.equal([['running', 'not_running', 'skip_busy', null]]);
    expect(shown(left)).to.deep.equal([['removed', 'running', 'remove_container', 'reconcile_dispose']]);
    expect(shown(unknown)).to.deep.equal([[null, 'running', 'adopt', 'reconcile_adopt']]);
    expect(shown(atRest)).to.deep.equal([[null, 'not_running', 'leave_alone', null]]);
    expect(shown(odd)).to.deep.equal([[null, 'running', 'leave_alone', null]]);
    expect(steps).to.have.length(7);
    expect(await side.store.world()).to.deep.equal(before);

    // The pass that follows does what was told.
    const { steps: done } = await drift.pass();
    const kindOf = (action: PlannedStep['action']) => (action === 'skip_busy' ? null : OP_KIND_OF[action]);
    expect(
      done.map(({ containerId, action, reason }) => [containerId, action, kindOf(action), reason]),
    ).to.have.deep.members(steps.map((step) => [step.container_id, step.action, step.op_kind, step.reason]));
  });

  it('shows the brake, and what it holds', async () => {
    for (let game = 0; game < 12; game += 1) await side.putGame(`g${game}`);
    side.world.containers.clear();
    drift.putContainer('elsewhere', { networks: ['other'] });
    const body = bodyOf(await rest.ask(PATH)) as { steps: { action: string }[] };
    expect(body).to.deep.include({
      dispose_brake: { on: true, would_dispose: 12, running: 12, max_share: 0.25 },
    });
    expect(body.steps.map((step) => step.action)).to.deep.equal(Array(12).fill('dispose'));
  });

  it('refuses parameters that it does not have', async () => {
    const answer = await rest.ask(`${PATH}?limit=1`);
    expect([answer.status, errorCode(answer)]).to.deep.equal([400, 'invalid_request']);
  });

  const FAILURES: readonly [string, string, Script][] = [
    ['does not answer', 'GET /info', drop()],
    ['refuses to say which daemon it is', 'GET /info', refuse(500, 'cluster')],
    ['refuses its list', 'GET /containers/json', refuse(500, 'database is locked')],
    [
      'sends a list that is none',
      'GET /containers/json',
      ({ send }) => send({ status: 200, body: 'no JSON' }),
    ],
  ];
  for (const [what, route, script] of FAILURES) {
    it(`a Docker that ${what}: docker_unavailable`, async () => {
      await side.putGame('g');
      side.api.script(route, script);
      const answer = await rest.ask(PATH);
      expect([answer.status, errorCode(answer)]).to.deep.equal([503, 'docker_unavailable']);
    });
  }

  it('asks Docker no further when its client has left, and calls that no failure', async () => {
    side.api.script('GET /containers/json', hang());
    const asked = side.api.sent('GET /containers/json').length;
    const client = new AbortController();
    const answer = fetch(`${rest.url}${PATH}`, { signal: client.signal }).catch(() => 'left');
    await eventually(() => side.api.sent('GET /containers/json').length > asked, {
      what: 'the list to be asked for',
    });
    const open = side.api.connections;
    const lines = rest.log.lines.length;
    client.abort();
    expect(await answer).to.equal('left');
    await eventually(() => side.api.connections < open, { what: 'the connection to Docker to be closed' });
    expect(rest.log.lines.slice(lines)).to.deep.equal([]);
  });
});
