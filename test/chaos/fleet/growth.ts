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
  const [rss, descriptors, kept, inTables, connections] = await Promise.all([
    rssOf(pid),
    readdir(`/proc/${pid}/fd`),
    weighKeys(redis),
    countRows(rows),
    rows.query(
      `select count(*)::int as count from pg_stat_activity where application_name like 'rtmanager%'`,
    ),
  ]);
  return {
    'RSS, MiB': rss / MIB,
    'file descriptors': descriptors.length,
    'keys in Redis': kept.keys,
    'memory of Redis, MiB': kept.bytes / MIB,
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

/** Without the jobs that are over: of each queue so many are kept as it says, and it takes hours until they are that many. */
async function weighKeys(redis: Redis): Promise<{ readonly keys: number; readonly bytes: number }> {
  const all = await redis.keys('*');
  const lists = all.filter((key) => /:(completed|failed)$/.test(key));
  const ended = await Promise.all(
    lists.map(async (list) => {
      const queue = list.slice(0, list.lastIndexOf(':'));
      return (await redis.zrange(list, '0', '-1')).map((id) => `${queue}:${id}`);
    }),
  );
  const over = new Set([...ended.flat(), ...lists]);
  const rest = all.filter((key) => !over.has(key));
  const pipeline = redis.pipeline();
  for (const key of rest) pipeline.memory('USAGE', key, 'SAMPLES', '0');
  const weights = (await pipeline.exec()) ?? [];
  // One that is gone by then weighs nothing.
  return { keys: rest.length, bytes: weights.reduce((sum, [, bytes]) => sum + Number(bytes ?? 0), 0) };
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
