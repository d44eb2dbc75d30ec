import { expect } from 'chai';
import type { ErrorCode } from '../../lib/errors.ts';
import { containersOf, inspect } from './containers.ts';
import { eventually } from './eventually.ts';
import type { Flow } from './flow.ts';
import { type Entry, STREAMS } from './lobby.ts';

/** One row of the table of failures (spec, section 4). */
interface FailureRow {
  readonly gameId: string;
  readonly imageRef: string;
  readonly code: ErrorCode;
  /** The one admin alert, or none. */
  readonly intent?: string;
  /** What the operator must be able to read out of the sentence. */
  readonly says: RegExp;
  readonly timeoutMs?: number;
}

/** Asks for a start that must fail as the row says, and asserts everything that it may leave: nothing. */
export async function assertStartFails(flow: Flow, row: FailureRow): Promise<void> {
  const { gameId } = row;
  const request = await flow.lobby.start(gameId, row.imageRef);
  const { fields } = await flow.lobby.answerTo(request, row.timeoutMs);
  const { error_message: message = '', ...rest } = fields;
  expect(rest).to.deep.equal({
    game_id: gameId,
    outcome: 'failure',
    container_id: '',
    engine_endpoint: '',
    error_code: row.code,
    op_kind: 'start',
    request_entry_id: request,
  });
  expect(message).to.match(row.says);

  expect(
    (await containersOf(gameId)).map(({ Id }) => Id),
    'containers',
  ).to.deep.equal([]);
  expect((await inspect(`galaxy-game-${gameId}`))?.Id, 'container by name').to.equal(undefined);
  expect(await flow.rows.record(gameId), 'record').to.equal(undefined);
  const operations = await flow.rows.operations(gameId);
  expect(operations).to.have.length(1);
  expect(operations[0]).to.include({ status: 'finished', outcome: 'failure', error_code: row.code });
  expect(await entriesOf(flow, STREAMS.jobResults, gameId), 'answers').to.have.length(1);
  expect(await entriesOf(flow, STREAMS.healthEvents, gameId), 'health events').to.deep.equal([]);
  await assertIntent(flow, row, { operationId: String(operations[0]?.operation_id), message });
}

async function assertIntent(
  flow: Flow,
  { gameId, imageRef, code, intent }: FailureRow,
  { operationId, message }: { operationId: string; message: string },
): Promise<void> {
  if (!intent) {
    expect(await intentsOf(flow, gameId), 'intents').to.deep.equal([]);
    return;
  }
  const [entry, ...more] = await eventually(
    async () => {
      const entries = await intentsOf(flow, gameId);
      return entries.length > 0 && entries;
    },
    { what: 'the intent' },
  );
  expect(more).to.deep.equal([]);
  const { occurred_at_ms: occurredAt = '', payload_json: payloadText = '', ...rest } = entry?.fields ?? {};
  expect(rest).to.deep.equal({
    notification_type: intent,
    producer: 'runtime_manager',
    audience_kind: 'admin_email',
    idempotency_key: `${operationId}:${intent}`,
  });
  expect(occurredAt).to.match(/^\d{13}$/);
  const { attempted_at_ms: attemptedAt, ...payload } = JSON.parse(payloadText);
  expect(payload).to.deep.equal({
    game_id: gameId,
    image_ref: imageRef,
    error_code: code,
    error_message: message,
  });
  expect(attemptedAt).to.be.a('number');
}

const intentsOf = async (flow: Flow, gameId: string): Promise<Entry[]> =>
  (await flow.lobby.entries(STREAMS.intents)).filter(
    (entry) => JSON.parse(entry.fields.payload_json ?? '{}').game_id === gameId,
  );

/** The entries of one game in a stream. */
export const entriesOf = async (flow: Flow, stream: string, gameId: string): Promise<Entry[]> =>
  (await flow.lobby.entries(stream)).filter((entry) => entry.fields.game_id === gameId);
