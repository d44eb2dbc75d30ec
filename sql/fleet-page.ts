import { type CommonQueryMethods, type FragmentSqlToken, sql } from 'slonik';
import { z } from 'zod';
import type { RuntimeStatus } from '../lib/runtime-record.ts';

/**
 * Whether a game needs somebody. What RTM does itself is told as no incident, so an observed end is one that nobody asked
 * for; a container that was cleaned up after it is dealt with.
 */
export const attention = sql.fragment`coalesce(case record.status
  when 'running' then health.status <> 'healthy'
  when 'stopped' then health.status in ('exited', 'oom')
  else health.status = 'container_disappeared' end, false)`;

/**
 * The records of games that are not removed, and of those that vanished; by index, because removed games stay recorded
 * and become many.
 */
export const present = sql.fragment`(
  select * from rtmanager.runtime_records where status in ('running', 'stopped')
  union all
  select record.* from rtmanager.health_snapshots as vanished join rtmanager.runtime_records as record using (game_id)
  where vanished.status = 'container_disappeared' and record.status = 'removed')`;

const ORDERS = {
  attention: sql.fragment`${attention} desc, health.observed_at desc nulls last, game_id`,
  game: sql.fragment`game_id`,
  uptime: sql.fragment`(record.status = 'running') desc, record.started_at, game_id`,
  changed: sql.fragment`record.last_op_at desc, game_id`,
} as const satisfies Record<string, FragmentSqlToken>;

/** How a list of games may be sorted: what needs somebody first, by name, longest up first, latest change first. */
export type FleetOrder = keyof typeof ORDERS;
export const FLEET_ORDERS = Object.keys(ORDERS) as readonly FleetOrder[];

export interface FleetQuery {
  /** A part of the game's id or of its image, in any case. */
  readonly text?: string | undefined;
  /** `any` for all that ever were; without it, those that are not removed, and those that vanished. */
  readonly status?: RuntimeStatus | 'any' | undefined;
  /** The last observation; `none` where there was none, `attention` for whatever needs somebody. */
  readonly health?: string | undefined;
  readonly order: FleetOrder;
  readonly limit: number;
  readonly offset: number;
}

const lastOperation = z.strictObject({
  opKind: z.string(),
  status: z.string(),
  outcome: z.string().nullable(),
  errorCode: z.string().nullable(),
  at: z.number(),
});

const fleetRow = z.strictObject({
  gameId: z.string(),
  status: z.string(),
  health: z.string().nullable(),
  attention: z.boolean(),
  imageRef: z.string(),
  startedAt: z.number().nullable(),
  lastOpAt: z.number(),
  lastOperation: lastOperation.nullable(),
});
export type FleetRow = z.infer<typeof fleetRow>;

const total = z.strictObject({ total: z.int() });

/**
 * Games that match, and how many there are of them on all pages. Goes through all that are present, or, where any or removed
 * ones are asked for, through all that ever were: some 20 ms with 10,000.
 */
export async function listFleet(
  db: CommonQueryMethods,
  query: FleetQuery,
): Promise<{ readonly total: number; readonly rows: readonly FleetRow[] }> {
  const matching = sql.fragment`
    ${query.status === undefined ? present : sql.fragment`rtmanager.runtime_records`} as record left join rtmanager.health_snapshots as health using (game_id)
    where ${conditions(query)}`;
  const counted = await db.one(sql.type(total)`select count(*)::int as total from ${matching}`);
  // The log is asked for the games of the page alone.
  const rows = await db.any(sql.type(fleetRow)`
    select page.*, (
      select jsonb_build_object('opKind', op_kind, 'status', status, 'outcome', outcome, 'errorCode', error_code,
        'at', floor(extract(epoch from coalesce(finished_at, started_at, accepted_at)) * 1000))
      from rtmanager.operation_log as operation
      where operation.game_id = page."gameId" and parent_operation_id is null
      order by accepted_at desc, operation_id desc limit 1) as "lastOperation"
    from (
      select game_id as "gameId", record.status, health.status as health, ${attention} as attention,
        current_image_ref as "imageRef", started_at as "startedAt", last_op_at as "lastOpAt"
      from ${matching} order by ${ORDERS[query.order]} limit ${query.limit} offset ${query.offset}) as page`);
  return { total: counted.total, rows };
}

function conditions({ text = '', status, health }: FleetQuery): FragmentSqlToken {
  const all = [sql.fragment`true`];
  const wanted = text.toLowerCase();
  if (wanted !== '') {
    all.push(
      sql.fragment`(strpos(lower(game_id), ${wanted}) > 0 or strpos(lower(current_image_ref), ${wanted}) > 0)`,
    );
  }
  if (status !== undefined && status !== 'any') all.push(sql.fragment`record.status = ${status}`);
  if (health === 'none') all.push(sql.fragment`health.status is null`);
  else if (health === 'attention') all.push(attention);
  else if (health !== undefined) all.push(sql.fragment`health.status = ${health}`);
  return sql.fragment`${sql.join(all, sql.fragment` and `)}`;
}
