import { type CommonQueryMethods, type FragmentSqlToken, sql } from 'slonik';
import { z } from 'zod';
import type { Effects, InnerEntry, Outcome } from '../lib/effects.ts';
import type { ExitEvidence } from '../lib/exit-evidence.ts';
import { LeaseLostError } from '../lib/lease.ts';
import { type Message, makeHealthEvent } from '../lib/messages.ts';
import type { Operation } from '../lib/operation.ts';
import { storableText } from '../lib/storable-text.ts';
import type { Attempt } from './claims.ts';
import { healthyObservation, observationOf, upsertSnapshots } from './health-snapshots.ts';
import { insertMessages } from './outbox.ts';
import { prepared } from './prepared.ts';
import { writeRecord } from './runtime-records.ts';

/** The runtime record was not as the operation had seen it; nothing was written. */
export class RecordConflictError extends Error {}

/** Writes the effects of a step in the middle of an operation, such as the correction of a record before a start goes on. */
export function commitEffects(db: CommonQueryMethods, mine: Operation, effects: Effects): Promise<void> {
  const { exitEvidence } = effects;
  const change = exitEvidence
    ? sql.fragment`
        update rtmanager.operation_log set exit_evidence = ${jsonOf(exitEvidence)}::jsonb
        where operation_id = ${mine.operationId}::uuid and exists (select from swapped)`
    : sql.fragment`select from swapped`;
  return write(db, mine, { change, effects, messages: [] });
}

/** Ends the operation: outcome, effects and messages at once or not at all, and only while `mine` still holds it. */
export function commitOutcome(
  db: CommonQueryMethods,
  mine: Operation,
  { outcome, effects, messages }: { outcome: Outcome; effects: Effects; messages: readonly Message[] },
): Promise<void> {
  const change = sql.fragment`
    update rtmanager.operation_log
    set status = 'finished', lease_until = null, finished_at = clock_timestamp(), rollback_pending = false,
      outcome = ${outcome.outcome}, error_code = ${outcome.errorCode}, error_message = ${storableText(outcome.errorMessage)},
      container_id = ${outcome.containerId}, image_ref = coalesce(image_ref, nullif(${outcome.imageRef}, '')),
      exit_evidence = coalesce(${jsonOf(effects.exitEvidence)}::jsonb, exit_evidence)
    where operation_id = ${mine.operationId}::uuid and exists (select from swapped)`;
  return write(db, mine, { change, effects, messages });
}

interface Writing {
  /** What becomes of the operation's own row. */
  readonly change: FragmentSqlToken;
  readonly effects: Effects;
  readonly messages: readonly Message[];
}

const written = z.strictObject({ held: z.boolean(), swapped: z.boolean() });

/**
 * One statement, and so one transaction in one round trip. Each part is written only if the one before it was: the row of
 * the operation is locked while the attempt holds it, then the record is swapped, then all the rest is written. So where
 * one of the first two fails there is nothing to be taken back.
 */
async function write(db: CommonQueryMethods, mine: Operation, writing: Writing): Promise<void> {
  const { record } = writing.effects;
  const isHeld = sql.fragment`exists (select from held)`;
  const parts = {
    held: lockHeld(mine),
    swapped: record
      ? sql.fragment`${writeRecord(record, isHeld)} returning 1`
      : sql.fragment`select from held`,
    changed: writing.change,
    ...furtherParts(mine, writing),
  };
  const named = Object.entries(parts).map(
    ([name, part]) => sql.fragment`${sql.identifier([name])} as (${part})`,
  );
  const found = await db.one(prepared(written)`
    with ${sql.join(named, sql.fragment`, `)}
    select exists (select from held) as held, exists (select from swapped) as swapped`);
  if (!found.held) throw new LeaseLostError(mine.operationId);
  if (!found.swapped) throw new RecordConflictError(mine.gameId);
}

const lockHeld = (mine: Attempt) => sql.fragment`
  select from rtmanager.operation_log
  where operation_id = ${mine.operationId}::uuid and attempt = ${mine.attempt} and status = 'running' for update`;

/** Effects beside the record, and messages; those that tell of the effects leave first. */
function furtherParts(
  mine: Operation,
  { effects, messages }: Writing,
): Readonly<Record<string, FragmentSqlToken>> {
  const { inner = [], health = [], foundHealthy } = effects;
  const isSwapped = sql.fragment`exists (select from swapped)`;
  const told = [...health.map((event) => makeHealthEvent(mine.gameId, event)), ...messages];
  const latest = health.at(-1);
  const observation = foundHealthy
    ? healthyObservation(mine.gameId, foundHealthy)
    : latest && observationOf(mine.gameId, latest);
  return {
    ...(inner.length > 0 && { entries: insertInnerEntries(mine, inner, isSwapped) }),
    ...(observation && { snapshot: upsertSnapshots([observation], isSwapped) }),
    ...(told.length > 0 && { told: insertMessages(told, isSwapped) }),
  };
}

function insertInnerEntries(
  parent: Operation,
  entries: readonly InnerEntry[],
  onlyIf: FragmentSqlToken,
): FragmentSqlToken {
  return sql.fragment`
    insert into rtmanager.operation_log (game_id, op_kind, op_source, parent_operation_id, correlation_id, status,
      attempt, image_ref, reason, container_id, outcome, error_code, error_message, exit_evidence,
      requested_at, accepted_at, started_at, finished_at)
    select ${parent.gameId}, op_kind, op_source, ${parent.operationId}::uuid, ${parent.correlationId}::uuid, 'finished',
      ${parent.attempt}::int4, image_ref, reason, container_id, outcome, error_code, error_message, evidence::jsonb,
      to_timestamp(started_at / 1000), clock_timestamp(), to_timestamp(started_at / 1000), clock_timestamp()
    from (
      select * from ${sql.unnest(
        entries.map((entry, place) => [
          place,
          entry.opKind,
          entry.opKind.startsWith('reconcile_') ? 'auto_reconcile' : parent.opSource,
          entry.imageRef,
          entry.reason,
          entry.containerId,
          entry.outcome,
          entry.errorCode,
          storableText(entry.errorMessage),
          jsonOf(entry.exitEvidence),
          entry.startedAt,
        ]),
        ['int4', 'text', 'text', 'text', 'text', 'text', 'text', 'text', 'text', 'text', 'float8'],
      )} as entry (place, op_kind, op_source, image_ref, reason, container_id, outcome, error_code, error_message,
        evidence, started_at)
      where ${onlyIf} order by place) as in_order`;
}

/** Log lines hold whatever an engine wrote; what PostgreSQL can not hold is escaped. */
const jsonOf = (evidence: ExitEvidence | undefined): string | null =>
  evidence === undefined
    ? null
    : JSON.stringify({
        ...evidence,
        lastLogLines: evidence.lastLogLines?.map((line) => storableText(line)) ?? null,
      });
