import { expect } from 'chai';
import { type App, startApp } from '../../app.ts';
import { parseConfig } from '../../lib/config.ts';
import { CATALOGUE, type Metric } from '../../lib/telemetry/catalogue.ts';
import { OTHER } from '../../lib/telemetry/label-sets.ts';
import { GAME_IMAGE } from '../helpers/docker.ts';
import { eventually } from '../helpers/eventually.ts';
import { type FakeDockerApi, makeFakeDockerApi } from '../helpers/fake-docker-api.ts';
import { drop, pass } from '../helpers/fake-docker-scripts.ts';
import { makeFakeDockerWorld } from '../helpers/fake-docker-world.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { exchange } from '../helpers/http-exchange.ts';
import { type MemoryLogger, makeMemoryLogger } from '../helpers/memory-logger.ts';
import { makeOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from '../helpers/otlp-receiver.ts';
import { parseMetrics, type Sample } from '../helpers/prometheus.ts';
import { sumOf } from '../helpers/read-metrics.ts';
import type { RtmVariables } from '../helpers/rtm-env.ts';

const TOKEN = 'correct-horse-battery-staple';
const AUTHORIZED = { authorization: `Bearer ${TOKEN}` };
const METRICS = new Map<string, Metric>(Object.values<Metric>(CATALOGUE).map((one) => [one.name, one]));

describe('metrics and traces of a service that runs', () => {
  let flow: Flow;
  let api: FakeDockerApi;
  let collector: OtlpReceiver;
  const log: MemoryLogger = makeMemoryLogger();
  const stack = new AsyncDisposableStack();

  before(async () => {
    flow = stack.adopt(await makeFlow(), (one) => one.destroy());
    api = stack.adopt(await makeFakeDockerApi(), (one) => one.close());
    makeFakeDockerWorld(api, flow.world.network.name).images.set(GAME_IMAGE, { id: 'sha256:1111' });
    collector = stack.adopt(await makeOtlpReceiver(), (one) => one.close());
  });
  after(() => stack.disposeAsync());
  afterEach(() => api.always('POST /containers/create', pass()));

  const start = (replica: string, more: RtmVariables = {}): Promise<App> =>
    startApp(
      parseConfig(
        flow.world.variables({
          RTMANAGER_DOCKER_HOST: api.host,
          RTMANAGER_INTERNAL_HTTP_TOKEN: TOKEN,
          ...more,
        }),
      ),
      log,
      undefined,
      replica,
    );
  /** Metrics are kept for some seconds: who reads them all the time would keep a scrape from seeing what is new. */
  const sending = (metrics: 'otlp' | 'none'): RtmVariables => ({
    OTEL_METRICS_EXPORTER: metrics,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '20',
    OTEL_METRIC_EXPORT_INTERVAL: '100',
    OTEL_METRIC_EXPORT_TIMEOUT: '100',
  });
  const scrape = async (app: App): Promise<{ samples: Sample[]; text: string }> => {
    const { status, text } = await exchange(app.url, '/metrics', { headers: AUTHORIZED });
    expect(status, text).to.equal(200);
    return { ...parseMetrics(text), text };
  };

  /** The trace of the game's last operation, once its operation span has come. */
  async function traceOf(gameId: string, spanName: string, attempt = '1'): Promise<ReceivedSpan[]> {
    const [row] = await flow.rows.query(
      'select correlation_id from rtmanager.operation_log where game_id = $1 order by seq desc limit 1',
      [gameId],
    );
    const traceId = String(row?.correlation_id).replaceAll('-', '');
    return eventually(
      () => {
        const spans = collector.spans.filter((span) => span.traceId === traceId);
        const isThere = ({ name, attributes }: ReceivedSpan) =>
          name === spanName && attributes['rtm.attempt'] === attempt;
        return spans.some(isThere) && spans;
      },
      { what: `${spanName} of ${gameId} to be exported` },
    );
  }
  const named = (spans: readonly ReceivedSpan[], name: string): ReceivedSpan => {
    const found = spans.find((span) => span.name === name);
    if (!found) throw new Error(`no span ${name} among ${spans.map((span) => span.name).join(', ')}`);
    return found;
  };
  const path = (spans: readonly ReceivedSpan[], span: ReceivedSpan): string => {
    const parent = spans.find((one) => one.spanId === span.parentSpanId);
    return parent ? `${path(spans, parent)} > ${span.name}` : span.name;
  };

  it('tell of a start from its stream entry to its answer', async () => {
    await using running = new AsyncDisposableStack();
    const app = running.adopt(await start('replica-a', sending('none')), (one) => one.close());
    const gameId = newGame();
    const request = await flow.lobby.start(gameId, GAME_IMAGE);
    const { fields } = await flow.lobby.answerTo(request);
    expect(fields.outcome, fields.error_message).to.equal('success');
    // Behind the answer: two entries of one moment may have one id, in two streams.
    await flow.lobby.answerTo(await flow.lobby.write('runtime:stop_jobs', { game_id: gameId }));

    const spans = await traceOf(gameId, 'start');
    const queue = spans.find((span) => span.name.startsWith('lifecycle-'));
    expect(spans.map((span) => path(spans, span))).to.include.members([
      'accept start',
      'accept start > start',
      'accept start > start > wait',
      `accept start > start > ${queue?.name}`,
      'accept start > start > create > docker create container',
      'accept start > start > start > docker start container',
      'accept start > start > commit',
      'accept start > start > publish',
    ]);
    expect(named(spans, 'accept start')).to.deep.include({
      startNanos: BigInt(request.split('-')[0] ?? '') * 1_000_000n,
      parentSpanId: '',
      instance: 'replica-a',
    });
    expect(named(spans, 'accept start').attributes).to.include({
      'rtm.game_id': gameId,
      'messaging.destination.name': 'runtime:start_jobs',
      'messaging.message.id': request,
    });
    expect(queue?.attributes).to.include({ 'messaging.system': 'bullmq' });
    expect(queue?.attributes['messaging.message.id']).to.match(new RegExp(`^${gameId}_`));
    expect(named(spans, 'docker create container').attributes).to.include({ 'rtm.docker.outcome': 'ok' });
    for (const span of spans) expect(span.endNanos >= span.startNanos, span.name).to.equal(true);

    const { samples, text } = await scrape(app);
    const ofStart = { op_kind: 'start' };
    expect(
      sumOf(samples, 'rtmanager_operations_total', {
        ...ofStart,
        op_source: 'lobby_stream',
        outcome: 'success',
        error_code: 'none',
      }),
    ).to.equal(1);
    for (const phase of ['wait', 'create', 'start', 'commit', 'publish']) {
      const count = 'rtmanager_operation_phase_duration_seconds_count';
      expect(sumOf(samples, count, { ...ofStart, phase }), phase).to.equal(1);
    }
    expect(
      sumOf(samples, 'rtmanager_docker_call_duration_seconds_count', { verb: 'create container' }),
    ).to.equal(1);
    expect(sumOf(samples, 'rtmanager_dead_letters_total', { stream: 'stop_jobs' })).to.equal(1);
    expect(sumOf(samples, 'rtmanager_dead_letter_entries')).to.equal(1);
    expect(sumOf(samples, 'rtmanager_games', { status: 'running' })).to.equal(1);
    expect(sumOf(samples, 'rtmanager_store_up')).to.equal(2);
    expect(sumOf(samples, 'rtmanager_pump_leader')).to.equal(1);
    expect(sumOf(samples, 'rtmanager_replica_info', { replica: 'replica-a' })).to.equal(1);

    // Whatever was recorded on the way: of the catalogue, with its labels, and with values that it knows.
    for (const { family, labels } of samples) {
      const known = METRICS.get(family);
      expect(known, `${family} is in the catalogue`).not.to.equal(undefined);
      for (const [label, value] of Object.entries(labels)) {
        if (label === 'le') continue;
        const values = known?.labels[label];
        expect(values, `${family} has label ${label}`).not.to.equal(undefined);
        if (values !== 'process') expect([...(values ?? [])], `${family} ${label}`).to.include(value);
        expect(value).not.to.equal(OTHER);
      }
    }
    for (const unbounded of [gameId, fields.container_id ?? '', GAME_IMAGE, request]) {
      expect(text).not.to.include(unbounded);
    }
  });

  it('follow an operation into another replica, and a caller who traces too', async () => {
    await using running = new AsyncDisposableStack();
    const first = running.adopt(await start('replica-b', sending('none')), (one) => one.close());
    api.always('POST /containers/create', drop());
    const gameId = newGame();
    const caller = '4bf92f3577b34da6a3ce929d0e0e4736';
    const answer = await exchange(first.url, `/api/v1/internal/runtimes/${gameId}/start`, {
      method: 'POST',
      body: { image_ref: GAME_IMAGE },
      headers: {
        ...AUTHORIZED,
        prefer: 'respond-async',
        traceparent: `00-${caller}-00f067aa0ba902b7-01`,
      },
    });
    expect(answer.status).to.equal(202);
    const cut = await traceOf(gameId, 'start');
    expect(named(cut, 'docker create container').failed).to.equal(true);
    expect(cut.find((span) => span.attributes['rtm.attempt'] === '1')?.attributes).to.include({
      'rtm.result': 'postponed',
      'rtm.error_code': 'docker_unavailable',
    });
    const { samples } = await scrape(first);
    expect(sumOf(samples, 'rtmanager_operation_retries_total', { reason: 'postponed' })).to.equal(1);
    expect(sumOf(samples, 'rtmanager_queue_operations', { state: 'queued' })).to.equal(1);
    await first.close();

    api.always('POST /containers/create', pass());
    running.adopt(await start('replica-c', sending('otlp')), (one) => one.close());
    const spans = await traceOf(gameId, 'start', '2');
    const accept = named(spans, 'accept start');
    const attempts = spans.filter((span) => span.attributes['rtm.attempt'] !== undefined);
    expect(accept).to.deep.include({ parentSpanId: '', instance: 'replica-b', links: [caller] });
    expect(
      attempts.map((span) => [span.instance, span.attributes['rtm.attempt'], span.failed]),
    ).to.deep.equal([
      ['replica-b', '1', true],
      ['replica-c', '2', false],
    ]);
    await eventually(() => collector.metrics.has(CATALOGUE.operations.name), { what: 'metrics to be sent' });
    expect(attempts.map((span) => span.parentSpanId)).to.deep.equal([accept.spanId, accept.spanId]);
  });

  it('go nowhere without an endpoint, and metrics are there all the same, behind the token', async () => {
    const before = collector.spans.length;
    await using running = new AsyncDisposableStack();
    const app = running.adopt(await start('replica-d'), (one) => one.close());
    const { fields } = await flow.lobby.answerTo(await flow.lobby.start(newGame(), GAME_IMAGE));
    expect(fields.outcome).to.equal('success');
    const { samples } = await scrape(app);
    expect(sumOf(samples, 'rtmanager_operations_total')).to.equal(1);
    expect((await exchange(app.url, '/metrics')).status).to.equal(401);
    expect(collector.spans).to.have.length(before);
  });
});
