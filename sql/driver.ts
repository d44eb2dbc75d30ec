import { createPgDriverFactory } from '@slonik/pg-driver';
import { BackendTerminatedError, type DriverClient, type DriverFactory } from 'slonik';
import { prepareSession, type SessionSettings } from './session-settings.ts';

/** As long as a new connection may take. */
const SETTINGS_TIMEOUT_MS = 5_000;

/**
 * slonik's driver, but that every connection gets RTM's settings and those of its pool before its first statement, and that a connection which leaves a query unanswered for `queryTimeoutMs` is given up with its
 * query: it would otherwise keep its place in the pool until the kernel notices, a quarter of an hour later.
 */
export function makeDriverFactory(queryTimeoutMs: number, settings: SessionSettings): DriverFactory {
  const createDriver = createPgDriverFactory();
  return async (options) => {
    const driver = await createDriver(options);
    return {
      createClient: async () => {
        const client = await driver.createClient();
        const fresh = giveUpSilent(client, SETTINGS_TIMEOUT_MS);
        fresh.acquire();
        try {
          await prepareSession((text, values) => fresh.query(text, values), settings);
        } catch (error) {
          await client.destroy();
          throw error;
        }
        await client.release();
        return giveUpSilent(client, queryTimeoutMs);
      },
    };
  };
}

function giveUpSilent(client: DriverClient, limitMs: number): DriverClient {
  /** Why nothing more is asked of it. */
  let silence: Error | undefined;
  return {
    ...client,
    acquire() {
      try {
        client.acquire();
      } catch (error) {
        // One whose session ended while it was handed out. The pool would leave this failure to nobody, which ends the
        // process, and whoever waits for the connection without any answer: so the first query tells it.
        silence = new BackendTerminatedError(error as Error);
      }
    },
    async query(...args) {
      // Also the ROLLBACK of the transaction that has just failed: its own error would hide the first.
      if (silence) throw silence;
      const { promise: late, reject } = Promise.withResolvers<never>();
      const timer = setTimeout(() => {
        silence = new BackendTerminatedError(new Error(`PostgreSQL did not answer within ${limitMs} ms`));
        reject(silence);
        void client.destroy();
      }, limitMs);
      try {
        return await Promise.race([client.query(...args), late]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
