import { type CommonQueryMethods, sql } from 'slonik';
import { z } from 'zod';
import { type Operation, operation } from '../lib/operation.ts';
import { type RuntimeRecord, runtimeRecord } from '../lib/runtime-record.ts';
import type { ShownText } from '../lib/shown-text.ts';
import { storableText } from '../lib/storable-text.ts';
import { operationColumns } from './operation-log.ts';
import { prepared } from './prepared.ts';
import { recordOf } from './runtime-records.ts';

/** Everything here goes by the database's clock: replicas need not agree on the time. */
const leaseEnd = (leaseMs: number) => sql.fragment`clock_timestamp() + ${leaseMs} * interval '1 millisecond'`;

const claimed = operation.extend({ record: runtimeRecord.nullable() });

/** An operation whose turn it is, and the record of its game as it was at that moment. */
export interface Claimed {
  readonly operation: Operation;
  readonly record: RuntimeRecord | null;
}

/**
 * Takes the game's turn: its head (the lowest unfinished `seq`) becomes `running` under a new attempt if it
 * is due, or if whoever ran it let the lease run out. Null: nothing to do now. Of two claimers one gets it.
 *
 * A lease that ran out means the attempt before may have died anywhere, so a container of it may exist.
 */
export async function claimHead(
  db: CommonQueryMethods,
  { gameId, leaseMs }: { gameId: string; leaseMs: number },
): Promise<Claimed | null> {
  const row = await db.maybeOne(prepared(claimed)`
    with claimed as (
      update rtmanager.operation_log
      set status = 'running', attempt = attempt + 1, lease_until = ${leaseEnd(leaseMs)}, not_before = null,
        started_at = coalesce(started_at, clock_timestamp()),
        rollback_pending = rollback_pending or status = 'running'
      where operation_id = (
          select operation_id from rtmanager.operation_log
          where game_id = ${gameId} and status <> 'finished' order by seq limit 1)
        and (status = 'queued' and coalesce(not_before <= clock_timestamp(), true)
          or status = 'running' and lease_until < clock_timestamp())
      returning *)
    select ${operationColumns}, ${recordOf(sql.fragment`claimed.game_id`)} as record from claimed`);
  if (!row) return null;
  const { record, ...taken } = row;
  return { operation: taken, record };
}

/** One attempt at one operation: what a claim hands out and every later write must show. */
export interface Attempt {
  readonly gameId: string;
  readonly operationId: string;
  readonly attempt: number;
}

const operationId = z.strictObject({ operationId: z.string() });

/** Extends the leases of all attempts that still hold them, and returns the ids of those operations. */
export async function renewLeases(
  db: CommonQueryMethods,
  { held, leaseMs }: { held: readonly Attempt[]; leaseMs: number },
): Promise<Set<string>> {
  const rows = await db.any(sql.type(operationId)`
    update rtmanager.operation_log as mine set lease_until = ${leaseEnd(leaseMs)}
    from ${sql.unnest(
      held.map((one) => [one.operationId, one.attempt]),
      ['uuid', 'int4'],
    )} as held (operation_id, attempt)
    where mine.operation_id = held.operation_id and mine.attempt = held.attempt and mine.status = 'running'
    returning mine.operation_id as "operationId"`);
  return new Set(rows.map((row) => row.operationId));
}

interface Postponement {
  /** Not to be claimed again before this many milliseconds have passed. */
  delayMs: number;
  /** Docker is unreachable: starts the retry window if it is not open yet. Once open, it stays so. */
  retrying: boolean;
  /** The attempt may have left a container. */
  rollbackPending: boolean;
  /** What the attempt failed with, where it failed. */
  error?: ShownText;
}

/**
 * Puts the operation back at the head of its queue without an outcome. False when the attempt no longer
 * holds it.
 */
export async function postpone(
  db: CommonQueryMethods,
  mine: Attempt,
  { delayMs, retrying, rollbackPending, error }: Postponement,
): Promise<boolean> {
  const result = await db.query(sql.unsafe`
    update rtmanager.operation_log
    set status = 'queued', lease_until = null,
      not_before = clock_timestamp() + ${delayMs} * interval '1 millisecond',
      retrying_since = coalesce(retrying_since, case when ${retrying} then clock_timestamp() end),
      rollback_pending = ${rollbackPending}, last_error = coalesce(${storableText(error ?? null)}, last_error)
    where operation_id = ${mine.operationId}::uuid and attempt = ${mine.attempt} and status = 'running'`);
  return result.rowCount === 1;
}
