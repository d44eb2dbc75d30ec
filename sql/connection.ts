import pg from 'pg';
import { type PostgresAddress, parsePostgresDsn } from '../lib/config/postgres-dsn.ts';
import { prepareSession } from './session-settings.ts';

const CONNECT_TIMEOUT_MS = 5_000;

/** Runs `work` on a connection of its own, with the address and the settings that the pools have, too. */
export async function withConnection<T>(dsn: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = makeClient(dsn);
  try {
    await client.connect();
    await prepareSession((text, values) => client.query(text, values));
    return await work(client);
  } finally {
    await client.end();
  }
}

/** A client that is not connected yet, and whose session keeps the settings that it begins with. */
export function makeClient(dsn: string, config: pg.ClientConfig = {}): pg.Client {
  const client = new pg.Client({
    ...fieldsOf(parsePostgresDsn(dsn)),
    application_name: 'rtmanager-migrate',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    ...config,
  });
  // A connection that breaks between two statements fails the next one.
  client.on('error', () => undefined);
  return client;
}

function fieldsOf({ tls, ...fields }: PostgresAddress): pg.ClientConfig {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return {
    ...Object.fromEntries(given),
    ssl: tls === 'no-verify' ? { rejectUnauthorized: false } : tls === 'verify',
  };
}

/**
 * The same address for slonik, whose driver takes a URL apart by itself: everything is escaped, and nothing is left to the
 * driver's defaults. Escaped colons keep an IPv6 address from getting brackets, which `pg` would look up as a name.
 */
export function urlForSlonik(dsn: string, applicationName: string): string {
  const { host, port, user, password, database, tls, options } = parsePostgresDsn(dsn);
  const signIn = [user, password].map((part) => encodeURIComponent(part ?? '')).join(':');
  const parameters = new URLSearchParams({
    application_name: applicationName,
    sslmode: { off: 'disable', 'no-verify': 'no-verify', verify: 'require' }[tls],
    ...(options === undefined ? {} : { options }),
  });
  const path = encodeURIComponent(database ?? '');
  return `postgresql://${signIn}@${encodeURIComponent(host)}:${port}/${path}?${parameters}`;
}
