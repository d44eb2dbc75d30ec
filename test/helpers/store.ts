import pg from 'pg';
import type { CommonQueryMethods, DatabasePool } from 'slonik';
import type { Operation } from '../../lib/operation.ts';
import { acceptOperations, type NewOperation } from '../../sql/accept-operations.ts';
import { claimHead } from '../../sql/claims.ts';
import { migrate } from '../../sql/migrate.ts';
import { makePool } from '../../sql/pool.ts';
import { makeDatabase, type SessionDefaults } from './database.ts';
import { eventually } from './eventually.ts';

type Row = Record<string, unknown>;

/** A migrated database of a suite's own, and what a test needs to put into it and to see of it. */
export interface Store {
  readonly dsn: string;
  /** As the code under test uses it. */
  readonly db: DatabasePool;
  /** Runs a statement past the code under test, to arrange or to look. */
  rows<T extends Row = Row>(statement: string, values?: readonly unknown[]): Promise<T[]>;
  /** Runs statements in one transaction that is rolled back in the end. */
  rolledBack(work: (rows: Store['rows']) => Promise<void>): Promise<void>;
  /** Runs `work` on a pool of its own: slonik refuses a second connection inside of a first one. */
  elsewhere<T>(work: (db: DatabasePool) => Promise<T>): Promise<T>;
  /** Does `work` in a transaction that then stays open until the returned function is called, which ends it. */
  holding(work: (transaction: CommonQueryMethods) => Promise<unknown>): Promise<() => Promise<void>>;
  /** Queues requests, in order; whatever is not given is filled in. */
  queue(...requests: Partial<NewOperation>[]): Promise<void>;
  /** Claims the head of a game that is known to be due. */
  claim(gameId: string, leaseMs?: number): Promise<Operation>;
  /** Lets the lease of a running operation end in the past. */
  expireLease(gameId: string): Promise<void>;
  /** The operations of all games, in their order. */
  operations(): Promise<Row[]>;
  /** What stands in the outbox, oldest first: the channel and the fields of each message. */
  messages(): Promise<Record<string, string>[]>;
  /** Waits until so many operations were accepted. */
  eventuallyQueued(count: number): Promise<void>;
  /** Waits until so many sessions of this database wait for a lock that another one holds. */
  blocked(count: number): Promise<void>;
  /** Everything that a finished operation could have changed, to be compared with itself later. */
  world(): Promise<Record<string, Row[]>>;
  /** Empties every table. */
  clear(): Promise<void>;
  destroy(): Promise<void>;
}

const BLOCKED = `select pid from pg_stat_activity
  where datname = current_database() and wait_event_type = 'Lock'`;
const TABLES = [
  'runtime_records',
  'operation_log',
  'health_snapshots',
  'outbox',
  'stream_cursors',
  'inspect_findings',
  'docker_daemon',
  'probe_counters',
  'prober_trouble',
  'health_events',
  'reconcile_hold',
];

/** What the test itself asks is answered in one form, whatever sessions of the database begin with. */
const NEUTRAL = Object.entries({
  datestyle: 'ISO',
  statement_timeout: 0,
  idle_session_timeout: 0,
  idle_in_transaction_session_timeout: 0,
  transaction_timeout: 0,
})
  .map(([name, value]) => `-c ${name}=${value}`)
  .join(' ');

export async function makeStore(defaults?: SessionDefaults): Promise<Store> {
  await using stack = new AsyncDisposableStack();
  const { dsn } = stack.adopt(await makeDatabase(defaults), (database) => database.drop());
  await migrate(dsn);
  const db = stack.adopt(await makePool({ dsn, max: 10, name: 'test' }), (pool) => pool.end());
  const raw = stack.adopt(new pg.Pool({ connectionString: dsn, max: 4, options: NEUTRAL }), (pool) =>
    pool.end(),
  );
  raw.on('error', () => undefined); // a suite may terminate any session of its database
  const rows: Store['rows'] = async (statement, values = []) =>
    (await raw.query(statement, [...values])).rows;
  const opened = stack.move();
  return {
    dsn,
    db,
    rows,
    rolledBack: async (work) => {
      const client = await raw.connect();
      try {
        await client.query('begin');
        await work(async (statement, values = []) => (await client.query(statement, [...values])).rows);
      } finally {
        await client.query('rollback');
        client.release();
      }
    },
    elsewhere: async (work) => {
      const other = await makePool({ dsn, max: 1, name: 'test-elsewhere' });
      try {
        return await work(other);
      } finally {
        await other.end();
      }
    },
    holding: async (work) => {
      const [done, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const holder = db.transaction(async (transaction) => {
        await work(transaction);
        done.resolve();
        await mayEnd.promise;
      });
      await Promise.race([done.promise, holder]);
      return async () => {
        mayEnd.resolve();
        await holder;
      };
    },
    queue: async (...requests) => {
      await db.transaction((transaction) => acceptOperations(transaction, requests.map(makeRequest)));
    },
    claim: async (gameId, leaseMs = 60_000) => {
      const head = await claimHead(db, { gameId, leaseMs });
      if (!head) throw new Error(`game ${gameId} has no head that could be claimed`);
      return head.operation;
    },
    expireLease: async (gameId) => {
      await rows(
        `update rtmanager.operation_log set lease_until = now() - interval '1 second'
         where game_id = $1 and status = 'running'`,
        [gameId],
      );
    },
    operations: () => rows('select * from rtmanager.operation_log order by seq'),
    messages: async () =>
      (
        await rows<{ channel: string; fields: [string, string][] }>(
          'select channel, fields from rtmanager.outbox order by outbox_id',
        )
      ).map(({ channel, fields }) => ({ channel, ...Object.fromEntries(fields) })),
    eventuallyQueued: async (count) => {
      const accepted = () => rows('select from rtmanager.operation_log');
      await eventually(async () => (await accepted()).length >= count, {
        what: `${count} operations to be accepted`,
        intervalMs: 5,
      });
    },
    blocked: async (count) => {
      await eventually(async () => (await rows(BLOCKED)).length >= count, {
        what: `${count} sessions to wait for a lock`,
        intervalMs: 5,
      });
    },
    world: async () =>
      Object.fromEntries(
        await Promise.all(
          TABLES.map(async (table) => [
            table,
            await rows(`select * from rtmanager.${table} order by to_jsonb(${table}.*)::text`),
          ]),
        ),
      ),
    clear: async () => {
      // Not truncate, which writes new files and costs a tenth of a second.
      // What refuses records goes with its trigger (`HandlerSide.refuseRecords`).
      const statements = [
        ...TABLES.map((table) => `delete from rtmanager.${table}`),
        'delete from rtmanager.event_feed',
        // The feed begins with a row of nothing.
        'insert into rtmanager.event_feed default values',
        'update rtmanager.deployment set operations_kept_from = null',
        'drop function if exists rtmanager.refuse cascade',
      ];
      await rows(statements.join(';'));
    },
    destroy: () => opened.disposeAsync(),
  };
}

/** A start request of game `g`, except for what is given. */
export function makeRequest(given: Partial<NewOperation> = {}): NewOperation {
  return {
    gameId: 'g',
    opKind: 'start',
    opSource: 'lobby_stream',
    sourceRef: null,
    imageRef: 'engine:1',
    reason: null,
    requestedAt: 1_767_225_600_000,
    ...given,
  };
}
