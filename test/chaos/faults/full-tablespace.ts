import { execFile } from 'node:child_process';
import { chmod, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import type { FaultWorld } from './fault-world.ts';

const run = promisify(execFile);

/** Fits what RTM writes in a few minutes. */
const SIZE = '24m';

/**
 * Moves RTM's tables to a small file system, and lets somebody else fill that. Undefined where this machine does not
 * let one be mounted.
 */
export async function fillTablespace({
  postgres: { dsn },
  redis,
}: FaultWorld): Promise<(() => Promise<unknown>) | undefined> {
  const dir = path.join(path.dirname(redis.data), 'small');
  await mkdir(dir);
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(dir, { recursive: true }));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', dir]);
  } catch {
    return undefined;
  }
  stack.defer(async () => void (await run('umount', [dir])));
  await chmod(dir, 0o700);
  const client = new Client({ connectionString: dsn });
  stack.defer(() => client.end());
  await client.connect();
  await client.query(`create tablespace small location '${dir}'`);
  stack.defer(async () => void (await client.query('drop tablespace small')));
  const move = async (to: string) => {
    const { rows } = await client.query(`
      select format('alter table rtmanager.%I set tablespace ${to}', tablename) as statement from pg_tables where schemaname = 'rtmanager'
      union all
      select format('alter index rtmanager.%I set tablespace ${to}', indexname) from pg_indexes where schemaname = 'rtmanager'`);
    for (const { statement } of rows) await client.query(statement);
  };
  stack.defer(() => move('pg_default'));
  await move('small');
  await client.query('create table public.filler (number int) tablespace small');
  stack.defer(async () => void (await client.query('drop table public.filler')));
  // Ever less at once, until not even one row more has a place.
  for (const rows of [100_000, 1_000, 1]) {
    for (let isFull = false; !isFull; ) isFull = await fill(client, rows);
  }
  const opened = stack.move();
  return () => opened.disposeAsync();
}

async function fill(client: Client, rows: number): Promise<boolean> {
  try {
    await client.query(`insert into public.filler select generate_series(1, ${rows})`);
    return false;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === '53100') return true;
    throw error;
  }
}
