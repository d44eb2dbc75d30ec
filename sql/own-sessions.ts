import type pg from 'pg';
import { ConnectionError } from 'slonik';
import { makeClient } from './connection.ts';

/** Connections share sessions of PostgreSQL: settings, prepared statements and locks of one are those of another. */
export class SharedSessionError extends Error {
  override readonly name = 'SharedSessionError';

  constructor(options?: ErrorOptions) {
    super(
      'RTMANAGER_POSTGRES_PRIMARY_DSN leads to a pooler that shares sessions of PostgreSQL between connections, ' +
        'as PgBouncer does with pool_mode = transaction or statement. Runtime Manager needs a session for each ' +
        'connection: set pool_mode = session for its database, or name PostgreSQL itself',
      options,
    );
  }
}

/**
 * With none of its servers in use, PgBouncer hands out the last or, with `server_round_robin`, the first one that was given
 * back. Each transaction that is held takes one away, so that of up to four servers the first client gets another one, or
 * one of the transactions has its server. All this is less than the pools open afterwards.
 */
const HELD_TRANSACTIONS = 5;
/** A pooler that has no session left lets clients wait. */
const ANSWER_TIMEOUT_MS = 5_000;
/** How PgBouncer refuses BEGIN with `pool_mode = statement`, and ends the connection. */
const PROTOCOL_VIOLATION = '08P01';

/**
 * Rejects with `SharedSessionError` where a connection does not keep its session to itself. Two facts prove that: another
 * open connection has the same one, or the first one has another than before. Sets nothing, since that might stay in a
 * session that others use. Rejects with an error that may pass (`mayPass`) where PostgreSQL does not answer.
 */
export async function assertOwnSessions(dsn: string): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const open = async (): Promise<pg.Client> => {
    const client = makeClient(dsn, { query_timeout: ANSWER_TIMEOUT_MS });
    stack.defer(() => client.end());
    await answered(client.connect());
    return client;
  };
  const first = await open();
  const session = await sessionOf(first);
  const others = await Promise.all(Array.from({ length: HELD_TRANSACTIONS }, open));
  for (const other of others) {
    if ((await sessionOf(other)) === session) throw new SharedSessionError();
    await begin(other);
    if ((await sessionOf(other)) === session || (await sessionOf(first)) !== session)
      throw new SharedSessionError();
  }
}

async function sessionOf(client: pg.Client): Promise<number | undefined> {
  const { rows } = await answered(client.query<{ pid: number }>('select pg_catalog.pg_backend_pid() as pid'));
  return rows[0]?.pid;
}

async function begin(client: pg.Client): Promise<void> {
  try {
    await answered(client.query('begin'));
  } catch (error) {
    const isRefused = error instanceof Error && 'code' in error && error.code === PROTOCOL_VIOLATION;
    throw isRefused ? new SharedSessionError({ cause: error }) : error;
  }
}

/** What `pg` says by itself, of a connection that broke or of no answer in time, has no code. */
async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof Error) || 'code' in error) throw error;
    throw new ConnectionError(
      `no session for each of ${HELD_TRANSACTIONS + 1} connections: ${error.message}`,
      {
        cause: error,
      },
    );
  }
}
