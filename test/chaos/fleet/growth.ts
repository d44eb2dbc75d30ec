import { readdir } from 'node:fs/promises';
import type { Redis } from 'ioredis';
import { rssOf } from '../../bench/process-figures.ts';
import { quantile } from '../../bench/statistics.ts';
import type { Rows } from '../../helpers/rows.ts';
import type { Violation } from '../invariants.ts';

/** How much there is of everything that must not grow. */
export type Sample = Readonly<Record<keyof typeof ALLOWANCE, number>>;

/** What may come to a fifth more than before without any leak; the unit is that of the figure. */
const ALLOWANCE = {
  'RSS, MiB': 30,
  'file descriptors': 10,
  'keys in Redis': 50,
  'memory of Redis, MiB': 8,
  'rows in PostgreSQL': 25,
  'connections to PostgreSQL': 10,
  containers: 10,
};
const MORE = 1.2;
const MIB = 2 ** 20;

interface Sampled {
  /** The replica that lives all the time. */
  readonly pid: number;
  readonly redis: Redis;
  readonly rows: Rows;
  readonly containers: number;
}

/** Looks at it all once. Jobs that queues keep for people to read, and tables of what has happened, are kept by design. */
export async function takeSample({ pid, redis, rows, containers }: Sampled): Promise<Sample> {
  const [rss, descriptors, keys, memory, inTables, connections] = await Promise.all([
    rssOf(pid),
    readdir(`/proc/${pid}/fd`),
    countKeys(redis),
    redis.info('memory'),
    countRows(rows),
    rows.query(
      `select count(*)::int as count from pg_stat_activity where application_name like 'rtmanager%'`,
    ),
  ]);
  return {
    'RSS, MiB': rss / MIB,
    'file descriptors': descriptors.length,
    'keys in Redis': keys,
    'memory of Redis, MiB': Number(/used_memory:(\d+)/.exec(memory)?.[1]) / MIB,
    'rows in PostgreSQL': inTables,
    'connections to PostgreSQL': Number(connections[0]?.count),
    containers,
  };
}

/** What has grown from the second quarter to the last: in the first one everything is new. */
export function findGrowth(samples: readonly Sample[]): {
  readonly table: readonly (readonly string[])[];
  readonly leaks: readonly Violation[];
} {
  const quarter = Math.floor(samples.length / 4);
  const [second, last] = [samples.slice(quarter, 2 * quarter), samples.slice(-quarter)];
  const found = Object.entries(ALLOWANCE).map(([name, allowance]) => {
    const median = (of: readonly Sample[]) =>
      quantile(
        of.map((sample) => sample[name as keyof Sample]),
        0.5,
      );
    const [before, after] = [median(second), median(last)];
    return { name, before, after, isLeak: after > before * MORE + allowance };
  });
  return {
    table: found.map(({ name, before, after }) => [name, before.toFixed(1), after.toFixed(1)]),
    leaks: found
      .filter((one) => one.isLeak)
      .map(({ name, before, after }) => ({
        kind: 'leak',
        what: `${name}: ${before.toFixed(1)} in the second quarter, ${after.toFixed(1)} in the last`,
      })),
  };
}

/** Without the jobs that are over. */
async function countKeys(redis: Redis): Promise<number> {
  const all = await redis.keys('*');
  const kept = all.filter((key) => /:(completed|failed)$/.test(key));
  const counts = await Promise.all(kept.map((key) => redis.zcard(key)));
  return all.length - counts.reduce((sum, count) => sum + count, 0);
}

/** What is kept for as long as it is configured, or for longer than a run takes. */
const HISTORY = ['operation_log', 'health_events', 'outbox', 'event_feed'];

async function countRows(rows: Rows): Promise<number> {
  const tables = await rows.query(
    `select table_name as name from information_schema.tables
     where table_schema = 'rtmanager' and table_name <> all($1)`,
    [HISTORY],
  );
  const counts = tables.map(({ name }) => `(select count(*) from rtmanager.${name})`);
  const [sum] = await rows.query(`select (${counts.join(' + ')})::int as count`);
  return Number(sum?.count);
}
