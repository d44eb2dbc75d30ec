import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import type { InnerEntry } from '../lib/effects.ts';
import { type Operation, operation, opKind, opSource } from '../lib/operation.ts';
import { storedText } from '../lib/shown-text.ts';
import { prepared } from './prepared.ts';

export const operationColumns = sql.fragment`
  operation_id as "operationId", game_id as "gameId", seq, op_kind as "opKind", op_source as "opSource",
  source_ref as "sourceRef", letter_id as "letterId", parent_operation_id as "parentOperationId",
  correlation_id as "correlationId", status, attempt, image_ref as "imageRef", reason, container_id as "containerId", outcome,
  error_code as "errorCode", error_message as "errorMessage", requested_at as "requestedAt",
  accepted_at as "acceptedAt", started_at as "startedAt", finished_at as "finishedAt",
  retrying_since as "retryingSince", rollback_pending as "rollbackPending", exit_evidence as "exitEvidence"`;

export function getOperation(db: CommonQueryMethods, operationId: string): Promise<Operation | null> {
  return db.maybeOne(sql.type(operation)`
    select ${operationColumns} from rtmanager.operation_log where operation_id = ${operationId}::uuid`);
}

/** Those of the operations that have ended. */
export function findFinished(
  db: CommonQueryMethods,
  operationIds: readonly string[],
): Promise<readonly Operation[]> {
  return db.any(sql.type(operation)`
    select ${operationColumns} from rtmanager.operation_log
    where operation_id = any(${sql.array([...operationIds], 'uuid')}) and status = 'finished'`);
}

const acceptedEntry = z.strictObject({ sourceRef: z.string(), operationId: z.string() });

/** Which of these stream entries were accepted, and as which operations: operation ids by `{stream}/{entry id}`. */
export async function findAcceptedEntries(
  db: CommonQueryMethods,
  sourceRefs: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await db.any(sql.type(acceptedEntry)`
    select source_ref as "sourceRef", operation_id as "operationId" from rtmanager.operation_log
    where op_source = 'lobby_stream' and source_ref = any(${sql.array([...sourceRefs], 'text')})`);
  return new Map(rows.map((row) => [row.sourceRef, row.operationId]));
}

/** What a queue needs to know of a game that has work: its head, for people to read. */
export const waitingGame = z.strictObject({
  gameId: z.string(),
  opKind,
  opSource,
  imageRef: z.string().nullable(),
});
export type WaitingGame = z.infer<typeof waitingGame>;

/**
 * Games with work that could run now: the head due and queued since before `graceMs`, or left by a replica whose
 * lease ran out. Oldest first, `limit` rows at most. What waits behind a head that can not run is no work: it would
 * fill the limit, and the other games would never be found.
 */
export function findRunnable(
  db: CommonQueryMethods,
  { graceMs, limit }: { graceMs: number; limit: number },
): Promise<readonly WaitingGame[]> {
  return db.any(sql.type(waitingGame)`
    (select game_id as "gameId", op_kind as "opKind", op_source as "opSource", image_ref as "imageRef"
     from rtmanager.operation_log as head
     where status = 'queued' and coalesce(not_before, accepted_at + ${graceMs} * interval '1 millisecond') <= now()
       and not exists (
         select 1 from rtmanager.operation_log as ahead
         where ahead.game_id = head.game_id and ahead.status <> 'finished' and ahead.seq < head.seq)
     order by seq limit ${limit})
    union all
    (select game_id, op_kind, op_source, image_ref
     from rtmanager.operation_log where status = 'running' and lease_until < now()
     order by lease_until limit ${limit})`);
}

/** The heads of those of the games whose head could run now. */
export function findHeads(
  db: CommonQueryMethods,
  gameIds: readonly string[],
): Promise<readonly WaitingGame[]> {
  return db.any(prepared(waitingGame)`
    select head.game_id as "gameId", op_kind as "opKind", op_source as "opSource", image_ref as "imageRef"
    from unnest(${sql.array([...gameIds], 'text')}) as game (game_id)
    cross join lateral (
      select * from rtmanager.operation_log as entry
      where entry.game_id = game.game_id and status <> 'finished' order by seq limit 1) as head
    where status = 'queued' and coalesce(not_before <= now(), true)`);
}

const innerEntry = z.strictObject({
  opKind,
  imageRef: z.string().nullable(),
  reason: z.string().nullable(),
  startedAt: z.number(),
  outcome: z.enum(['success', 'failure']),
  errorCode: z.string().nullable(),
  errorMessage: storedText.nullable(),
  containerId: z.string().nullable(),
});

/** What an operation has committed of its inner steps, in order. */
export function listInnerEntries(
  db: CommonQueryMethods,
  operationId: string,
): Promise<readonly InnerEntry[]> {
  return db.any(sql.type(innerEntry)`
    select op_kind as "opKind", image_ref as "imageRef", reason, started_at as "startedAt", outcome,
      error_code as "errorCode", error_message as "errorMessage", container_id as "containerId"
    from rtmanager.operation_log where parent_operation_id = ${operationId}::uuid order by accepted_at`);
}

const askedToRun = z.strictObject({ gameId: z.string(), runs: z.boolean() });

/** For each of these games that was ever asked for anything: whether the last request leaves it running. */
export async function findAskedToRun(
  db: CommonQueryMethods,
  gameIds: readonly string[],
): Promise<Map<string, boolean>> {
  const rows = await db.any(sql.type(askedToRun)`
    select last.game_id as "gameId", op_kind in ('start', 'restart', 'patch', 'reconcile_adopt') as runs
    from unnest(${sql.array([...gameIds], 'text')}) as game (game_id)
    cross join lateral (
      select * from rtmanager.operation_log as entry
      where entry.game_id = game.game_id and seq is not null
      order by accepted_at desc, operation_id desc limit 1) as last`);
  return new Map(rows.map((row) => [row.gameId, row.runs]));
}

const endedRow = z.strictObject({ gameId: z.string(), operationId: z.string() });

/** Those of the operations that ended at least `agoMs` ago, by game. What is no operation id is none. */
export async function findEnded(
  db: CommonQueryMethods,
  { operationIds, agoMs }: { operationIds: readonly string[]; agoMs: number },
): Promise<Map<string, string[]>> {
  const wellFormed = operationIds.filter((id) => UUID.test(id));
  if (wellFormed.length === 0) return new Map();
  const rows = await db.any(sql.type(endedRow)`
    select game_id as "gameId", operation_id as "operationId" from rtmanager.operation_log
    where operation_id = any(${sql.array(wellFormed, 'uuid')}) and status = 'finished'
      and finished_at <= now() - ${agoMs} * interval '1 millisecond'`);
  const ended = new Map<string, string[]>();
  for (const { gameId, operationId } of rows) ended.set(gameId, [...(ended.get(gameId) ?? []), operationId]);
  return ended;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
