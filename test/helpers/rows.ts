import { Client } from 'pg';
import type { TestDatabase } from './database.ts';
import { eventually } from './eventually.ts';

type Row = Readonly<Record<string, unknown>>;

/** What Runtime Manager has written down, as any other client of PostgreSQL sees it. */
export interface Rows {
  query(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  record(gameId: string): Promise<Row | undefined>;
  /** The game's log: requests in their order, the inner entries of each right behind it. */
  operations(gameId: string): Promise<readonly Row[]>;
  /** Resolves when every operation has ended, and every message has left: messages leave after the end is written. */
  settled(): Promise<unknown>;
  close(): Promise<void>;
}

export async function makeRows({ dsn }: Pick<TestDatabase, 'dsn'>): Promise<Rows> {
  const client = new Client({ connectionString: dsn });
  // A server that goes away fails the next query; without a listener it would end the whole run.
  client.on('error', () => undefined);
  await client.connect();
  const query: Rows['query'] = async (text, values = []) => (await client.query(text, [...values])).rows;
  return {
    query,
    record: async (gameId) =>
      (await query('select * from rtmanager.runtime_records where game_id = $1', [gameId]))[0],
    operations: (gameId) =>
      query(
        `select entry.* from rtmanager.operation_log as entry
         left join rtmanager.operation_log as parent on parent.operation_id = entry.parent_operation_id
         where entry.game_id = $1
         order by coalesce(parent.seq, entry.seq), entry.parent_operation_id nulls first, entry.accepted_at`,
        [gameId],
      ),
    settled: () =>
      eventually(
        async () =>
          (
            await query(
              `select from rtmanager.operation_log where status <> 'finished'
               union all select from rtmanager.outbox where published_at is null`,
            )
          ).length === 0,
        { what: 'all work to be done', timeoutMs: 30_000 },
      ),
    close: () => client.end(),
  };
}
