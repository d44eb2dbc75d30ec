import { type CommonQueryMethods, type DatabasePool, sql } from 'slonik';
import { z } from 'zod';
import type { StoredFacts, UnfinishedOperation } from '../lib/explain/facts.ts';
import { ASKED_KINDS, REFUSALS } from '../lib/explain/intent.ts';
import { operation } from '../lib/operation.ts';
import { storedText } from '../lib/shown-text.ts';
import { listHealthEvents } from './health-events.ts';
import { getFindings } from './inspect-findings.ts';
import { operationColumns } from './operation-log.ts';
import { findCounters } from './probe-counters.ts';
import { getReconcileHold } from './reconcile-hold.ts';
import { getRuntimes, type Runtime } from './runtimes.ts';

/** Rows of each list at most: what a person reads. */
const LIMIT = { queue: 20, operations: 20, healthEvents: 50 };

export interface StoredGame extends StoredFacts {
  readonly record: Runtime | null;
}

/** Everything that is known of a game, as it was at one moment: what ends in between would make it contradict itself. */
export function readGame(db: DatabasePool, gameId: string): Promise<StoredGame> {
  return db.transaction(async (transaction) => {
    await transaction.query(sql.unsafe`set transaction isolation level repeatable read, read only`);
    const [record = null] = await getRuntimes(transaction, [gameId]);
    const containerId = record?.currentContainerId ?? null;
    const probe = containerId && (await findCounters(transaction, [gameId])).get(gameId);
    const inspected = containerId && (await getFindings(transaction, [gameId])).get(gameId);
    return {
      record,
      ...(await readOperations(transaction, gameId)),
      healthEvents: await listHealthEvents(transaction, { gameId, limit: LIMIT.healthEvents }),
      // What was found of an earlier container is over.
      probe: probe && probe.containerId === containerId ? probe : null,
      inspected: inspected && inspected.containerId === containerId ? inspected : null,
      hold: await getReconcileHold(transaction),
      ...(await readMoment(transaction, gameId)),
    };
  });
}

const operationRow = operation.extend({
  role: z.enum(['waiting', 'ended', 'asked']),
  leaseUntil: z.number().nullable(),
  notBefore: z.number().nullable(),
  lastError: storedText.nullable(),
});

type Operations = Pick<StoredFacts, 'queue' | 'operations' | 'asked'>;

/** Those of the game that wait or run, the last that have ended, and the last that somebody asked for. */
export async function readOperations(db: CommonQueryMethods, gameId: string): Promise<Operations> {
  const part = (role: z.infer<typeof operationRow>['role'], which: ReturnType<typeof sql.fragment>) =>
    sql.fragment`(
      select ${operationColumns}, ${role} as role, lease_until as "leaseUntil", not_before as "notBefore",
        last_error as "lastError"
      from rtmanager.operation_log where game_id = ${gameId} and ${which})`;
  const newest = sql.fragment`order by accepted_at desc, operation_id desc`;
  const rows = await db.any(sql.type(operationRow)`
    ${part('waiting', sql.fragment`status <> 'finished' order by seq limit ${LIMIT.queue}`)}
    union all
    ${part('ended', sql.fragment`status = 'finished' ${newest} limit ${LIMIT.operations}`)}
    union all
    ${part(
      'asked',
      sql.fragment`seq is not null and op_kind = any(${sql.array([...ASKED_KINDS], 'text')})
        and coalesce(error_code, '') <> all(${sql.array([...REFUSALS], 'text')}) ${newest} limit 1`,
    )}
    order by "acceptedAt" desc, "operationId" desc`);
  const of = (wanted: string): UnfinishedOperation[] =>
    rows.filter(({ role }) => role === wanted).map(({ role: _, ...one }) => one);
  return {
    queue: of('waiting').toSorted((left, right) => Number((left.seq ?? 0n) - (right.seq ?? 0n))),
    operations: of('ended'),
    asked: of('asked')[0] ?? null,
  };
}

const momentRow = z.strictObject({ nowMs: z.number(), waitingMessages: z.int() });

/** The database's time, and how many messages of the game are on their way at that time. */
export function readMoment(
  db: CommonQueryMethods,
  gameId: string,
): Promise<Pick<StoredFacts, 'nowMs' | 'waitingMessages'>> {
  return db.one(sql.type(momentRow)`
    select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as "nowMs", count(*)::int4 as "waitingMessages"
    from rtmanager.outbox where published_at is null and game_id = ${gameId}`);
}
