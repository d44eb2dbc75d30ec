import { expect } from 'chai';
import { listOperations, openapiSchema } from '../../lib/contracts.ts';

/**
 * The REST surface that Game Master, Admin Service and operators rely on. A row that fails here is a breaking
 * change for them: put the contract back, or agree on the change first and then edit the row.
 */
const CALLER = ['X-Galaxy-Caller'];
const MUTATION = ['game_id', 'X-Galaxy-Caller', 'Idempotency-Key', 'Prefer'];
const OF_GAME = ['game_id', 'X-Galaxy-Caller'];
const BASE = '/api/v1/internal';
const GAME = `${BASE}/runtimes/{game_id}`;

interface Row {
  method: string;
  path: string;
  parameters: readonly string[];
  statuses: readonly number[];
  body?: string;
}

const FROZEN: Readonly<Record<string, Row>> = {
  internalListRuntimes: {
    method: 'get',
    path: `${BASE}/runtimes`,
    parameters: ['status', 'limit', 'cursor', ...CALLER],
    statuses: [200, 400, 401, 405, 500, 503],
  },
  internalGetRuntime: {
    method: 'get',
    path: GAME,
    parameters: OF_GAME,
    statuses: [200, 400, 401, 404, 405, 500, 503],
  },
  internalStartRuntime: {
    method: 'post',
    path: `${GAME}/start`,
    parameters: MUTATION,
    statuses: [200, 202, 400, 401, 405, 409, 413, 415, 422, 500, 502, 503],
    body: 'StartRequest',
  },
  internalStopRuntime: {
    method: 'post',
    path: `${GAME}/stop`,
    parameters: MUTATION,
    statuses: [200, 202, 400, 401, 404, 405, 409, 413, 415, 500, 503],
    body: 'StopRequest',
  },
  internalRestartRuntime: {
    method: 'post',
    path: `${GAME}/restart`,
    parameters: MUTATION,
    statuses: [200, 202, 400, 401, 404, 405, 409, 413, 415, 422, 500, 502, 503],
    body: 'RestartRequest',
  },
  internalPatchRuntime: {
    method: 'post',
    path: `${GAME}/patch`,
    parameters: MUTATION,
    statuses: [200, 202, 400, 401, 404, 405, 409, 413, 415, 422, 500, 502, 503],
    body: 'PatchRequest',
  },
  internalCleanupRuntimeContainer: {
    method: 'delete',
    path: `${GAME}/container`,
    parameters: MUTATION,
    statuses: [200, 202, 400, 401, 404, 405, 409, 500, 503],
  },
  internalListOperations: {
    method: 'get',
    path: `${GAME}/operations`,
    parameters: ['game_id', 'limit', 'cursor', ...CALLER],
    statuses: [200, 400, 401, 404, 405, 500, 503],
  },
  internalGetOperation: {
    method: 'get',
    path: `${BASE}/operations/{operation_id}`,
    parameters: ['operation_id', ...CALLER],
    statuses: [200, 400, 401, 404, 405, 500, 503],
  },
  internalGetReconcilePlan: {
    method: 'get',
    path: `${BASE}/reconcile/plan`,
    parameters: CALLER,
    statuses: [200, 400, 401, 405, 500, 503],
  },
  internalListDeadLetters: {
    method: 'get',
    path: `${BASE}/dead-letters`,
    parameters: ['limit', 'cursor', ...CALLER],
    statuses: [200, 400, 401, 405, 500, 503],
  },
  internalReplayDeadLetter: {
    method: 'post',
    path: `${BASE}/dead-letters/{entry_id}/replay`,
    parameters: ['entry_id', 'X-Galaxy-Caller', 'Prefer'],
    statuses: [200, 202, 400, 401, 404, 405, 409, 413, 415, 422, 500, 502, 503],
    body: 'ReplayRequest',
  },
  internalExplainRuntime: {
    method: 'get',
    path: `${GAME}/explain`,
    parameters: OF_GAME,
    statuses: [200, 400, 401, 404, 405, 500, 503],
  },
  internalGetRuntimeLogs: {
    method: 'get',
    path: `${GAME}/logs`,
    parameters: ['game_id', 'tail', 'follow', ...CALLER],
    statuses: [200, 400, 401, 404, 405, 500, 503],
  },
  internalGetRuntimeStats: {
    method: 'get',
    path: `${GAME}/stats`,
    parameters: OF_GAME,
    statuses: [200, 400, 401, 404, 405, 409, 500, 503],
  },
  internalStreamEvents: {
    method: 'get',
    path: `${BASE}/events`,
    parameters: ['game_id', 'Last-Event-ID', ...CALLER],
    statuses: [200, 400, 401, 405, 500, 503],
  },
  internalHealthz: { method: 'get', path: '/healthz', parameters: [], statuses: [200, 405] },
  internalReadyz: { method: 'get', path: '/readyz', parameters: [], statuses: [200, 405, 503] },
  internalMetrics: { method: 'get', path: '/metrics', parameters: [], statuses: [200, 401, 405, 500] },
};

/** The fields that callers may rely on. */
const REQUIRED: Readonly<Record<string, string>> = {
  StartRequest: 'image_ref',
  StopRequest: 'reason',
  PatchRequest: 'image_ref',
  Error: 'error',
  Runtime:
    'game_id status current_container_id current_image_ref image_digest engine_endpoint state_path docker_network ' +
    'created_at started_at stopped_at removed_at last_op_at health',
  Health: 'container_id status source details observed_at',
  RuntimePage: 'items next_cursor',
  Operation:
    'operation_id game_id seq op_kind op_source source_ref parent_operation_id correlation_id status attempt ' +
    'image_ref reason container_id outcome error_code error_message requested_at started_at finished_at ' +
    'exit_evidence',
  OperationPage: 'items next_cursor',
  DeadLetter:
    'letter_id source_stream source_entry_id error_code error_message fields rejected_at operation_id replayable',
  DeadLetterPage: 'items next_cursor',
  ReconcilePlan: 'observed_at docker_network records containers in_step steps dispose_brake',
  Explanation:
    'game_id observed_at cause summary findings intent next runtime docker redis exit log_tail queue last_operation ' +
    'operations health_events reconcile',
  Finding: 'code severity message evidence advice',
  NextStep: 'action at message',
  Stats:
    'game_id container_id observed_at cpu_percent cpu_quota memory_used_bytes memory_limit_bytes network_rx_bytes ' +
    'network_tx_bytes block_read_bytes block_write_bytes pids pids_limit',
  HealthEventFrame: 'game_id container_id event_type occurred_at details',
  OperationFrame:
    'operation_id game_id op_kind op_source parent_operation_id correlation_id status attempt image_ref reason ' +
    'container_id outcome error_code error_message occurred_at',
  GapFrame: 'reason',
  Liveness: 'status',
  Readiness: 'status checks',
  ReadinessCheck: 'status duration_ms',
};

describe('the frozen REST operations', () => {
  for (const [operationId, row] of Object.entries(FROZEN)) {
    it(operationId, () => {
      const operation = listOperations().find((candidate) => candidate.operationId === operationId);
      if (!operation) throw new Error(`Operation ${operationId} is missing from openapi/rtmanager.yaml`);
      expect(`${operation.method} ${operation.path}`, `${operationId} has moved`).to.equal(
        `${row.method} ${row.path}`,
      );
      const parameters = operation.parameters.map((parameter) => parameter.name);
      expectSame(`${operationId}: parameter`, parameters, row.parameters);
      const statuses = operation.responses.map((response) => String(response.status));
      expectSame(`${operationId}: status`, statuses, row.statuses.map(String));
      expect(operation.requestBody?.schema, `${operationId}: the schema of the body has changed`).to.equal(
        row.body,
      );
    });
  }

  it('are all there is', () => {
    const surplus = listOperations().filter(({ operationId }) => !(operationId in FROZEN));
    expect(
      surplus.map(({ operationId }) => operationId),
      'an operation without a row here is not frozen; add the row',
    ).to.deep.equal([]);
  });
});

describe('the frozen fields of REST bodies', () => {
  for (const [schema, fields] of Object.entries(REQUIRED)) {
    it(schema, () => {
      const required = (openapiSchema(schema).required ?? []) as string[];
      expectSame(`openapi/rtmanager.yaml, schema ${schema}: required field`, required, fields.split(' '));
      const properties = Object.keys(openapiSchema(schema).properties as object);
      const undescribed = required.filter((field) => !properties.includes(field));
      expect(undescribed, `${schema}: required but not described: ${undescribed.join(', ')}`).to.be.empty;
    });
  }
});

/** Says in a sentence what went missing and what came without being agreed on. */
function expectSame(what: string, actual: readonly string[], frozen: readonly string[]): void {
  const problems = [
    ...frozen.filter((name) => !actual.includes(name)).map((name) => `${what} "${name}" is missing`),
    ...actual
      .filter((name) => !frozen.includes(name))
      .map((name) => `${what} "${name}" is new and not frozen`),
  ];
  if (problems.length) throw new Error(problems.join('; '));
}
