import { type CommonQueryMethods, type FragmentSqlToken, sql } from 'slonik';
import { z } from 'zod';

/** First key of our advisory locks; the second names the game, or nothing. */
const LOCK_SPACE = { accept: 0x52544d01, publish: 0x52544d02, pump: 0x52544d03 } as const;

type GameLock = 'accept' | 'publish';

/** Holds the games' locks of one kind until the transaction ends. */
export async function lockGames(
  transaction: CommonQueryMethods,
  kind: GameLock,
  gameIds: readonly string[],
): Promise<void> {
  await transaction.query(sql.unsafe`${takeLocks(kind, gameIds)}`);
}

/**
 * The same as the part `locked` of a larger statement, there under a condition. Taken in one order everywhere, so that two
 * batches with the same games can not wait for each other.
 */
export const takeLocks = (
  kind: GameLock,
  gameIds: readonly string[],
  onlyIf = sql.fragment`true`,
): FragmentSqlToken => sql.fragment`
  select pg_advisory_xact_lock(${LOCK_SPACE[kind]}, key)
  from (
    select distinct hashtext(game_id) as key
    from unnest(${sql.array([...gameIds], 'text')}) as game_id where ${onlyIf} order by key offset 0) as games`;

/**
 * For the other parts of that statement: by asking for the number of locks they wait for all of them. PostgreSQL evaluates
 * a condition that no row has a part in once, before it looks at any row.
 */
export const LOCKS_ARE_HELD = sql.fragment`(select count(*) from locked) >= 0`;

const taken = z.strictObject({ taken: z.boolean() });

/**
 * Tries to become the pump: true when this session now holds the lock that only one session can hold. PostgreSQL ends
 * the session, and with it the lock, when nothing is heard of it for `silenceMs`: a replica that was paused, or whose
 * host died, must not keep the others from pumping.
 */
export async function tryPumpLock(session: CommonQueryMethods, silenceMs: number): Promise<boolean> {
  const row = await session.one(sql.type(taken)`
    select pg_try_advisory_lock(${LOCK_SPACE.pump}, 0) as taken`);
  if (row.taken)
    await session.query(sql.unsafe`select set_config('idle_session_timeout', ${String(silenceMs)}, false)`);
  return row.taken;
}

/** To be said by a pump that has nothing else to say to PostgreSQL, which would take it for dead. */
export async function keepPumpLock(session: CommonQueryMethods): Promise<void> {
  await session.query(sql.unsafe`select 1`);
}

/** Gives the pump lock back, so that the session can serve others. */
export async function releasePumpLock(session: CommonQueryMethods): Promise<void> {
  await session.query(sql.unsafe`
    select pg_advisory_unlock(${LOCK_SPACE.pump}, 0), set_config('idle_session_timeout', '0', false)`);
}
