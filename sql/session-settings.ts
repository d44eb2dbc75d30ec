/** What the sessions of one pool need beside the settings that all sessions get. */
export type SessionSettings = Readonly<Record<string, string>>;

/**
 * Settings that change what a statement means, or end it early. A role or a database may have other defaults, so RTM
 * sets each on every connection. Not among them: `default_transaction_read_only`, by which operators and providers freeze a
 * database on purpose. PostgreSQL then refuses writes with an error that RTM takes for an outage.
 */
const ALWAYS: SessionSettings = {
  // How values are written and read.
  client_encoding: 'UTF8',
  datestyle: 'ISO, MDY',
  intervalstyle: 'postgres',
  timezone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  // How statements are read.
  search_path: 'pg_catalog, pg_temp',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
  // Statements lock their rows themselves, and expect to see what others have committed since.
  default_transaction_isolation: 'read committed',
  // Only the pump and the pools limit their sessions.
  lock_timeout: '0',
  statement_timeout: '0',
  transaction_timeout: '0',
  idle_session_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  exit_on_error: 'off',
  // Triggers write the health history and the event feed. Setting this takes a superuser, so for others a wrong default
  // is an error that names it.
  session_replication_role: 'origin',
  // What RTM has acknowledged must outlive a crash.
  synchronous_commit: 'on',
};

/**
 * One round trip. Leaves out settings that this version of PostgreSQL does not have, and those that stand already. A
 * `synchronous_commit` that waits for standbys, or not, stays: only `off` loses what was committed.
 */
const SET_ALL = `
  select pg_catalog.set_config(key, value, false)
  from pg_catalog.jsonb_each_text($1::pg_catalog.jsonb)
  where pg_catalog.current_setting(key, true) <> value
    and (key <> 'synchronous_commit' or pg_catalog.current_setting(key) = 'off')`;

/** Sets them on a new connection, before its first statement. Rejects with the error of PostgreSQL. */
export async function prepareSession(
  query: (text: string, values: string[]) => Promise<unknown>,
  own: SessionSettings = {},
): Promise<void> {
  await query(SET_ALL, [JSON.stringify({ ...ALWAYS, ...own })]);
}
