import { type CommonQueryMethods, sql } from 'slonik';
import type { Effects, InnerEntry, Outcome } from '../lib/effects.ts';
import type { ExitEvidence } from '../lib/exit-evidence.ts';
import { LeaseLostError } from '../lib/lease.ts';
import { type Message, makeHealthEvent } from '../lib/messages.ts';
import type { Operation } from '../lib/operation.ts';
import { storableText } from '../lib/storable-text.ts';
import type { Attempt } from './claims.ts';
import { putHealthy, putSnapshot } from './health-snapshots.ts';
import { addMessages } from './outbox.ts';
import { swapRecord } from './runtime-records.ts';

/** The runtime record was not as the operation had seen it; nothing was written. */
export class RecordConflictError extends Error {}

/**
 * Writes the effects of a step in the middle of an operation, such as the correction of a record before a
 * start goes on. The caller wraps it in a transaction.
 */
export async function commitEffects(
  transaction: CommonQueryMethods,
  mine: Operation,
  effects: Effects,
): Promise<void> {
  const held = await transaction.maybeOne(sql.unsafe`
    select 1 from rtmanager.operation_log
    where operation_id = ${mine.operationId}::uuid and attempt = ${mine.attempt} and status = 'running' for update`);
  if (!held) throw new LeaseLostError(mine.operationId);
  if (effects.exitEvidence) await keepEvidence(transaction, mine, effects.exitEvidence);
  await addMessages(transaction, await writeEffects(transaction, mine, effects));
}

/**
 * Ends the operation: outcome, effects and messages at once or not at all, and only while `mine` is still the
 * attempt that holds it. Must run in a transaction.
 */
export async function commitOutcome(
  transaction: CommonQueryMethods,
  mine: Operation,
  end: { outcome: Outcome; effects: Effects; messages: readonly Message[] },
): Promise<void> {
  if (!(await finish(transaction, mine, end))) throw new LeaseLostError(mine.operationId);
  const told = await writeEffects(transaction, mine, end.effects);
  await addMessages(transaction, [...told, ...end.messages]);
}

async function finish(
  db: CommonQueryMethods,
  mine: Attempt,
  { outcome, effects }: { outcome: Outcome; effects: Effects },
): Promise<boolean> {
  const finished = await db.query(sql.unsafe`
    update rtmanager.operation_log
    set status = 'finished', lease_until = null, finished_at = clock_timestamp(), rollback_pending = false,
      outcome = ${outcome.outcome}, error_code = ${outcome.errorCode}, error_message = ${storableText(outcome.errorMessage)},
      container_id = ${outcome.containerId}, image_ref = coalesce(image_ref, nullif(${outcome.imageRef}, '')),
      exit_evidence = coalesce(${jsonOf(effects.exitEvidence)}, exit_evidence)
    where operation_id = ${mine.operationId}::uuid and attempt = ${mine.attempt} and status = 'running'`);
  return finished.rowCount === 1;
}

async function keepEvidence(db: CommonQueryMethods, mine: Attempt, evidence: ExitEvidence): Promise<void> {
  await db.query(sql.unsafe`
    update rtmanager.operation_log set exit_evidence = ${jsonOf(evidence)}
    where operation_id = ${mine.operationId}::uuid`);
}

/** Writes the effects and returns the messages that tell of them, still to be added. */
async function writeEffects(
  transaction: CommonQueryMethods,
  mine: Operation,
  { record, inner = [], health = [], foundHealthy }: Effects,
): Promise<Message[]> {
  if (record && !(await swapRecord(transaction, record))) throw new RecordConflictError(mine.gameId);
  for (const entry of inner) await addInnerEntry(transaction, mine, entry);
  const latest = health.at(-1);
  if (latest) await putSnapshot(transaction, mine.gameId, latest);
  if (foundHealthy) await putHealthy(transaction, mine.gameId, foundHealthy);
  return health.map((event) => makeHealthEvent(mine.gameId, event));
}

async function addInnerEntry(db: CommonQueryMethods, parent: Operation, entry: InnerEntry): Promise<void> {
  const source = entry.opKind.startsWith('reconcile_') ? 'auto_reconcile' : parent.opSource;
  await db.query(sql.unsafe`
    insert into rtmanager.operation_log (game_id, op_kind, op_source, parent_operation_id, correlation_id, status,
      attempt, image_ref, reason, container_id, outcome, error_code, error_message, exit_evidence,
      requested_at, accepted_at, started_at, finished_at)
    values (${parent.gameId}, ${entry.opKind}, ${source}, ${parent.operationId}::uuid,
      ${parent.correlationId}::uuid, 'finished', ${parent.attempt}, ${entry.imageRef}, ${entry.reason},
      ${entry.containerId}, ${entry.outcome}, ${entry.errorCode}, ${storableText(entry.errorMessage)}, ${jsonOf(entry.exitEvidence)},
      to_timestamp(${entry.startedAt}::float8 / 1000), clock_timestamp(),
      to_timestamp(${entry.startedAt}::float8 / 1000), clock_timestamp())`);
}

/** Log lines hold whatever an engine wrote; what PostgreSQL can not hold is escaped. */
const jsonOf = (evidence: ExitEvidence | undefined) =>
  evidence === undefined
    ? null
    : sql.jsonb({
        ...evidence,
        lastLogLines: evidence.lastLogLines?.map((line) => storableText(line)) ?? null,
      });
