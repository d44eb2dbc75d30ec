import { resourceFromAttributes } from '@opentelemetry/resources';
import { AlwaysOnSampler, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace';
import { expect } from 'chai';
import { DockerStatusError } from '../../lib/docker/map-error.ts';
import { RuntimeError } from '../../lib/errors.ts';
import type { Operation } from '../../lib/operation.ts';
import { traceAccepted } from '../../lib/telemetry/accepted.ts';
import { makeOtelTracing } from '../../lib/telemetry/otel-tracing.ts';
import { makeWatchRun } from '../../lib/telemetry/run-watch.ts';
import { acceptedSpan } from '../../lib/telemetry/trace-ids.ts';
import { NO_TRACING } from '../../lib/telemetry/tracing.ts';
import { watchDocker } from '../../lib/telemetry/watch-docker.ts';
import { makeReadMetrics } from '../helpers/read-metrics.ts';

const ACCEPTED_MS = Date.now() - 60_000;
const START: Operation = {
  operationId: '3f0c7c1e-4f0a-4a6e-9d5e-1b8a52f3c001',
  correlationId: '0af76519-16cd-43dd-8448-eb211c80319c',
  gameId: 'g',
  seq: 1n,
  opKind: 'start',
  opSource: 'lobby_stream',
  sourceRef: 'runtime:start_jobs/1767225600000-0',
  letterId: null,
  parentOperationId: null,
  status: 'running',
  attempt: 1,
  imageRef: 'engine:1',
  reason: null,
  containerId: null,
  outcome: null,
  errorCode: null,
  errorMessage: null,
  requestedAt: ACCEPTED_MS,
  acceptedAt: ACCEPTED_MS,
  startedAt: ACCEPTED_MS + 2_000,
  finishedAt: null,
  retryingSince: null,
  rollbackPending: false,
  exitEvidence: null,
};
const JOB = { queue: 'lifecycle-2', jobId: 'g_1', addedAtMs: 0 };

describe('what a run is measured by', () => {
  it('is the time until its first claim, its phases, and its outcome', async () => {
    const { metrics, read } = makeReadMetrics();
    const watch = makeWatchRun({ metrics, tracing: NO_TRACING })(JOB);
    const sinceAccepted = (): number => (Date.now() - ACCEPTED_MS) / 1_000;
    const atLeast = sinceAccepted();
    watch.claimed(START);
    expect(await watch.phase('commit', async () => 'done')).to.equal('done');
    watch.ended({ result: 'failure', error_code: 'conflict' });
    watch.close();
    const phase = 'rtmanager_operation_phase_duration_seconds';
    expect(await read(`${phase}_sum`, { phase: 'wait', op_kind: 'start' })).to.be.closeTo(2, 0.01);
    expect(await read(`${phase}_count`, { phase: 'commit' })).to.equal(1);
    const ended = { op_kind: 'start', op_source: 'lobby_stream', outcome: 'failure', error_code: 'conflict' };
    expect(await read('rtmanager_operations_total', ended)).to.equal(1);
    expect(await read('rtmanager_operation_duration_seconds_sum', { outcome: 'failure' })).to.be.within(
      atLeast,
      sinceAccepted(),
    );
    expect(await read('rtmanager_operation_retries_total')).to.equal(0);
  });

  it('is no wait for a later attempt, and no outcome where there is none', async () => {
    const { metrics, read } = makeReadMetrics();
    const watchRun = makeWatchRun({ metrics, tracing: NO_TRACING });
    for (const result of ['postponed', 'handed over', undefined]) {
      const watch = watchRun(JOB);
      watch.claimed({ ...START, attempt: 2 });
      if (result !== undefined) watch.ended({ result, error_code: 'docker_unavailable' });
      watch.close();
    }
    for (const reason of ['postponed', 'handed_over', 'broke_off']) {
      expect(await read('rtmanager_operation_retries_total', { reason }), reason).to.equal(1);
    }
    expect(await read('rtmanager_operations_total')).to.equal(0);
    expect(await read('rtmanager_operation_phase_duration_seconds_count')).to.equal(0);
  });

  it('is nothing where there was nothing to do', async () => {
    const { metrics, samples } = makeReadMetrics();
    const watch = makeWatchRun({ metrics, tracing: NO_TRACING })(JOB);
    await watch.phase('publish', async () => undefined);
    watch.ended({ result: 'nothing to do' });
    watch.close();
    expect(await samples()).to.deep.equal([]);
  });

  it('counts a word that only a newer version knows as other', async () => {
    const { metrics, read } = makeReadMetrics();
    const watch = makeWatchRun({ metrics, tracing: NO_TRACING })(JOB);
    watch.claimed({ ...START, opKind: 'hibernate' as 'start' });
    watch.ended({ result: 'success' });
    expect(await read('rtmanager_operations_total', { op_kind: 'other', error_code: 'none' })).to.equal(1);
  });
});

describe('traces of an operation', () => {
  /** A replica that traces, and what it has exported. */
  function makeReplica() {
    const exporter = new InMemorySpanExporter();
    const tracing = makeOtelTracing({
      resource: resourceFromAttributes({}),
      sampler: new AlwaysOnSampler(),
      processor: new SimpleSpanProcessor({ exporter }),
    });
    const { metrics } = makeReadMetrics();
    return {
      tracing,
      watchRun: makeWatchRun({ metrics, tracing }),
      spans: () => exporter.getFinishedSpans(),
    };
  }

  it('begin where it is accepted and go on where it is run, by nothing but its row', async () => {
    const [acceptor, runner] = [makeReplica(), makeReplica()];
    traceAccepted(acceptor.tracing, START);
    const watch = runner.watchRun(JOB);
    watch.claimed(START);
    await watch.within(async () => runner.tracing.startPart({ name: 'docker ping' }).end());
    watch.close();
    const [accept] = acceptor.spans();
    expect(accept?.spanContext()).to.deep.include(acceptedSpan(START));
    expect(accept?.spanContext().traceId).to.equal(START.correlationId.replaceAll('-', ''));
    const parentOf = Object.fromEntries(
      runner.spans().map((span) => [span.name, [span.spanContext().traceId, span.parentSpanContext?.spanId]]),
    );
    const [own] = runner.spans().filter(({ name }) => name === 'start');
    const traceId = accept?.spanContext().traceId;
    const run = own?.spanContext().spanId;
    expect(parentOf).to.deep.equal({
      start: [traceId, accept?.spanContext().spanId],
      wait: [traceId, run],
      'lifecycle-2 process': [traceId, run],
      'docker ping': [traceId, run],
    });
  });

  it('begin with the operation where nobody asked for it, and are apart in two replicas of one process', () => {
    const [replica, other] = [makeReplica(), makeReplica()];
    const watch = replica.watchRun(JOB);
    watch.claimed({ ...START, opKind: 'reconcile_exit', opSource: 'auto_reconcile', attempt: 2 });
    watch.ended({ result: 'failure', error_code: 'internal_error', error_message: 'no' });
    watch.close();
    const [span] = replica.spans();
    expect(span?.spanContext().traceId).to.equal(acceptedSpan(START).traceId);
    expect(span?.parentSpanContext).to.equal(undefined);
    expect(span?.status.message).to.equal('no');
    expect(other.spans()).to.deep.equal([]);
  });

  it('have no span for a call to Docker that belongs to none', async () => {
    const { tracing, spans } = makeReplica();
    const connection = watchDocker(
      { call: async (_verb, _deadlineMs, signal, run) => run({} as never, signal) },
      { tracing, metrics: makeReadMetrics().metrics },
    );
    await connection.call('ping', 1, new AbortController().signal, async () => 'pong');
    expect(spans()).to.deep.equal([]);
  });
});

describe('calls to Docker', () => {
  const failures: readonly [outcome: string, thrown: unknown][] = [
    ['ok', undefined],
    ['refused', new DockerStatusError(404, 'no such container', undefined)],
    ['refused', new RuntimeError('image_pull_failed', 'manifest unknown')],
    ['unavailable', new RuntimeError('docker_unavailable', 'no answer')],
    ['aborted', new Error('nobody waits')],
  ];
  for (const [outcome, thrown] of failures) {
    it(`end as ${outcome} with ${thrown ?? 'an answer'}, which goes on to the caller`, async () => {
      const { metrics, read } = makeReadMetrics();
      const connection = watchDocker(
        {
          call: async (_verb, _deadlineMs, signal, run) => {
            if (thrown !== undefined) throw thrown;
            return run({} as never, signal);
          },
        },
        { metrics, tracing: NO_TRACING },
      );
      const called = connection.call('ping', 1, new AbortController().signal, async () => 'pong');
      expect(await called.catch((error: unknown) => error)).to.equal(thrown ?? 'pong');
      const count = 'rtmanager_docker_call_duration_seconds_count';
      expect(await read(count, { verb: 'ping', outcome })).to.equal(1);
    });
  }
});
