import { type CommonQueryMethods, sql } from 'slonik';
import type { z } from 'zod';
import { type RuntimeStatus, runtimeRecord } from '../lib/runtime-record.ts';
import { healthSnapshot } from './health-snapshots.ts';
import { recordColumns } from './runtime-records.ts';

const runtime = runtimeRecord.extend({ health: healthSnapshot.nullable() });
/** A record with the latest observation of its game, both as they were at one moment. */
export type Runtime = z.infer<typeof runtime>;

// A subquery and not a join: for a page from the end of the table PostgreSQL would merge with all snapshots before it.
const columns = sql.fragment`${recordColumns}, (
  select jsonb_build_object('containerId', container_id, 'status', status, 'source', source, 'details', details,
    'observedAt', floor(extract(epoch from observed_at) * 1000))
  from rtmanager.health_snapshots as health where health.game_id = runtime_records.game_id) as health`;

/** The runtimes of these games, in no order; a game without a record is left out. */
export function getRuntimes(db: CommonQueryMethods, gameIds: readonly string[]): Promise<readonly Runtime[]> {
  return db.any(sql.type(runtime)`
    select ${columns} from rtmanager.runtime_records
    where game_id = any(${sql.array([...gameIds], 'text')})`);
}

interface RuntimePage {
  status?: RuntimeStatus | undefined;
  /** Rows at most. */
  limit: number;
  /** The last game of the page before. */
  after?: string | undefined;
}

/** Runtimes in order of game, from behind `after`: a page costs the same at any depth. */
export function listRuntimes(
  db: CommonQueryMethods,
  { status, limit, after = '' }: RuntimePage,
): Promise<readonly Runtime[]> {
  // Of one status, in the order of the index by status: asked for the order of games alone, PostgreSQL goes through all
  // games, since it expects to meet one of that status soon, however far away the first one is.
  const page = status
    ? sql.fragment`(status, game_id) > (${status}, ${after}) and status <= ${status} order by status, game_id`
    : sql.fragment`game_id > ${after} order by game_id`;
  return db.any(sql.type(runtime)`
    select ${columns} from rtmanager.runtime_records where ${page} limit ${limit}`);
}
