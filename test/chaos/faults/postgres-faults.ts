import { Client } from 'pg';
import type { Fault } from './fault.ts';
import type { FaultWorld } from './fault-world.ts';
import { fillTablespace } from './full-tablespace.ts';

/** Every table that RTM writes to while it works. */
const WRITTEN = ['operation_log', 'runtime_records', 'outbox', 'stream_cursors'];

export const postgresFaults: readonly Fault[] = [
  {
    what: 'PostgreSQL killed',
    lastsMs: { short: 1_000, full: 3_000 },
    names: 'postgres',
    async strike({ postgres }) {
      await postgres.kill();
      return () => postgres.start();
    },
  },
  {
    what: 'PostgreSQL can not be reached: refuses',
    lastsMs: { full: 30_000 },
    names: 'postgres',
    async strike({ toPostgres }) {
      await toPostgres.close();
      return () => toPostgres.open();
    },
  },
  {
    what: 'PostgreSQL can not be reached: silent',
    lastsMs: { full: 30_000 },
    names: 'postgres',
    async strike({ toPostgres }) {
      toPostgres.hush();
      return async () => toPostgres.speak();
    },
  },
  {
    what: 'all connections to PostgreSQL fall silent for good, new ones work',
    lastsMs: { full: 1_000 },
    // A statement may take 30 s, and no connection is given up before.
    readyWithinMs: 45_000,
    async strike({ toPostgres }) {
      toPostgres.strand();
      return async () => {};
    },
  },
  {
    what: 'PostgreSQL refuses whatever is to be written: its disk is full (53100)',
    lastsMs: { full: 10_000 },
    names: 'postgres',
    strike: refuseWrites,
  },
];

export const crowdedPostgres: readonly Fault[] = [
  {
    what: 'others have all connections of PostgreSQL',
    lastsMs: { full: 10_000 },
    names: 'postgres',
    strike: takeAllConnections,
  },
  {
    what: 'somebody holds locks on the tables of RTM',
    lastsMs: { full: 35_000 },
    async strike({ postgres }) {
      const holder = await connect(postgres.dsn);
      await holder.query(`begin; lock table ${WRITTEN.map((name) => `rtmanager.${name}`).join(', ')}`);
      return () => holder.end();
    },
  },
  {
    what: 'the tablespace of RTM is full (a small tmpfs)',
    lastsMs: { full: 10_000 },
    names: 'postgres',
    strike: fillTablespace,
  },
];

async function connect(dsn: string): Promise<Client> {
  const client = new Client({ connectionString: dsn });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Takes what is free, ends the sessions of RTM and takes theirs too, before they can come back. */
async function takeAllConnections({ postgres: { dsn } }: FaultWorld): Promise<() => Promise<unknown>> {
  const taken: Client[] = [];
  const takeAll = async (): Promise<void> => {
    try {
      for (;;) taken.push(await connect(dsn));
    } catch {
      // There is none left.
    }
  };
  await takeAll();
  for (let left = 1; left > 0; ) {
    const ended = await taken[0]?.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'rtmanager%'`,
    );
    left = ended?.rowCount ?? 0;
    await takeAll();
  }
  return () => Promise.all(taken.map((one) => one.end()));
}

async function refuseWrites({ postgres: { dsn } }: FaultWorld): Promise<() => Promise<unknown>> {
  const client = await connect(dsn);
  await client.query(`create function public.disk_full() returns trigger language plpgsql as
    $$ begin raise 'could not extend file: No space left on device' using errcode = '53100'; end $$`);
  // One by one: two tables in one transaction would wait for each other with RTM's.
  const each = async (statement: (table: string) => string): Promise<void> => {
    for (const name of WRITTEN) await client.query(statement(`rtmanager.${name}`));
  };
  await each(
    (table) =>
      `create trigger disk_full before insert or update on ${table} execute function public.disk_full()`,
  );
  return async () => {
    await each((table) => `drop trigger disk_full on ${table}`);
    await client.query('drop function public.disk_full()');
    await client.end();
  };
}
