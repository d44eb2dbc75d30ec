import {
  createBigintTypeParser,
  createPool,
  createTimestampWithTimeZoneTypeParser,
  type DatabasePool,
  type Interceptor,
  SchemaValidationError,
} from 'slonik';
import { urlForSlonik } from './connection.ts';
import { makeDriverFactory } from './driver.ts';
import type { SessionSettings } from './session-settings.ts';

/** slonik itself never applies a query's row schema; this does, so that no unchecked row enters the code. */
const validateRows: Interceptor = {
  name: 'validate-rows',
  transformRow: (context, query, row) => {
    const checked = context.resultParser?.['~standard'].validate(row);
    if (!checked) return row;
    if (checked instanceof Promise) throw new TypeError('Row schemas must be synchronous');
    if (checked.issues) throw new SchemaValidationError(query, row, checked.issues);
    return checked.value as typeof row;
  },
};

const tellFailures = (onFailure: (error: unknown) => void): Interceptor => ({
  name: 'tell-failures',
  queryExecutionError: (_context, _query, error) => {
    onFailure(error);
    return null;
  },
});

/** PostgreSQL, for those who only hand it on to the functions of this folder. */
export type Db = DatabasePool;

interface PoolOptions {
  /** `postgres://` DSN. */
  dsn: string;
  /** Connections at most. */
  max: number;
  /** Shown in pg_stat_activity. */
  name: string;
  /** After this long without an answer a query fails and its connection is replaced. */
  queryTimeoutMs?: number;
  /** Told of every query that failed. */
  onFailure?: (error: unknown) => void;
  /** Whether everything that is asked finds its rows by a key. */
  onlyByKey?: boolean;
  /** So long a transaction may say nothing before PostgreSQL ends it, with what it has locked. */
  silentTransactionMs?: number;
}

/**
 * Of a prepared statement PostgreSQL may keep a plan that it made when the table was small, to read all of it, until the
 * table is analysed: a minute and many thousand operations later. Where only keys are asked for, such a plan is never right.
 */
const PLAN_ANEW: SessionSettings = { plan_cache_mode: 'force_custom_plan' };
const KEEP_PLANS: SessionSettings = { enable_seqscan: 'off' };

/** PostgreSQL ends a statement that takes longer, and says so. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** A server that has not said even that is silent. */
const SILENCE_MS = STATEMENT_TIMEOUT_MS + 5_000;
/**
 * Nothing in a transaction waits for anything but PostgreSQL, and 3 s for Redis. A replica that gets no time in the middle
 * of one keeps its locks until PostgreSQL loses patience: others wait for the game, and one that accepts, for the pump.
 */
const SILENT_TRANSACTION_MS = 10_000;
/** What is left of a silent connection is waited for this long, by the query that failed. */
const LAST_WORDS_MS = 1_000;

/**
 * Opens a pool whose rows are validated by each query's schema. Times come as epoch milliseconds, bigint
 * columns as `bigint`. PostgreSQL ends a statement after 30 s, and a new
 * connection is given up after 5 s. A server that falls silent without closing its connections is noticed by the query
 * that gets no answer; the kernel would take a quarter of an hour, or for ever where something in between still answers it.
 */
export async function makePool(options: PoolOptions): Promise<DatabasePool> {
  const { dsn, max, name, queryTimeoutMs = SILENCE_MS, onFailure } = options;
  const { silentTransactionMs = SILENT_TRANSACTION_MS, onlyByKey = false } = options;
  const settings = {
    ...(onlyByKey ? KEEP_PLANS : PLAN_ANEW),
    statement_timeout: String(STATEMENT_TIMEOUT_MS),
    idle_in_transaction_session_timeout: String(Math.min(silentTransactionMs, SILENT_TRANSACTION_MS)),
  };
  return createPool(urlForSlonik(dsn, name), {
    maxPoolSize: max,
    captureStackTrace: false,
    connectionTimeout: 5_000,
    // Set on each connection instead: poolers refuse both in a startup packet.
    statementTimeout: 'DISABLE_TIMEOUT',
    idleInTransactionSessionTimeout: 'DISABLE_TIMEOUT',
    idleTimeout: 60_000,
    // Sessions carry no settings of their own, so there is nothing to discard between two uses, and a
    // DISCARD ALL would cost every query a round trip. Advisory session locks are released where taken.
    resetConnection: async () => {},
    typeParsers: [createBigintTypeParser(), createTimestampWithTimeZoneTypeParser()],
    interceptors: [validateRows, ...(onFailure ? [tellFailures(onFailure)] : [])],
    driverFactory: makeDriverFactory(queryTimeoutMs, settings),
    gracefulTerminationTimeout: LAST_WORDS_MS,
  });
}
