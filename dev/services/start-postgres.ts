import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import type { Child } from '../child.ts';
import { startChild, tailOf } from '../child.ts';
import { AS_NOBODY } from '../machine/services.mjs';
import { SetUpError } from '../steps.ts';
import { freePort } from './free-port.ts';

const run = promisify(execFile);

const READY_TIMEOUT_MS = 15_000;
const STOP_GRACE_MS = 5_000;

/** A PostgreSQL of a run's own. */
export interface PrivatePostgres {
  readonly dsn: string;
  /** Ends it without a word, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again after its end, with the same data at the same address. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Initialises and starts a PostgreSQL on a free loopback port, with its data and its log under `dir`. `settings` are
 * parameters of the server.
 */
export async function startPostgres(
  tree: string,
  dir: string,
  settings: Readonly<Record<string, string | number>> = {},
): Promise<PrivatePostgres> {
  const data = path.join(dir, 'postgres');
  const password = randomBytes(12).toString('hex');
  await initialise(tree, data, password);

  const port = await freePort();
  const dsn = `postgres://rtm:${password}@127.0.0.1:${port}/postgres`;
  const logFile = path.join(dir, 'postgres.log');
  // TCP only: the path of a Unix socket may hold no more than 107 bytes, and ours is the user's choice.
  const always = { listen_addresses: '127.0.0.1', unix_socket_directories: '', max_connections: 200 };
  const options = Object.entries({ ...always, ...settings }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  const run = (): Child =>
    startChild({
      command: [path.join(tree, 'bin/postgres'), '-D', data, '-p', String(port), ...options],
      prefix: AS_NOBODY,
      deathSignal: 'INT', // to PostgreSQL, TERM means: wait until every client has gone
      logFile,
    });
  let child = run();
  let wasKilled = false;
  const stop = async (): Promise<void> => {
    await child.stop('SIGINT', STOP_GRACE_MS);
  };

  async function untilItRuns(): Promise<void> {
    const deadline = performance.now() + READY_TIMEOUT_MS;
    for (;;) {
      try {
        await untilItAnswers(dsn, child, deadline);
        return;
      } catch {
        await stop();
        // What is left of one that was killed takes a moment to notice, and keeps the next one from its data until then.
        if (!wasKilled || performance.now() > deadline)
          throw new SetUpError(`PostgreSQL did not start:\n${await tailOf(logFile)}`);
        child = run();
      }
    }
  }

  await untilItRuns();
  return {
    dsn,
    stop,
    async kill() {
      wasKilled = true;
      await child.stop('SIGKILL', STOP_GRACE_MS);
    },
    async start() {
      child = run();
      await untilItRuns();
    },
  };
}

async function initialise(tree: string, data: string, password: string): Promise<void> {
  const passwordFile = `${data}.password`;
  await writeFile(passwordFile, password, { mode: 0o600 });
  const options = [
    '-U',
    'rtm',
    `--pwfile=${passwordFile}`,
    '-A',
    'scram-sha-256',
    '-E',
    'UTF8',
    '--no-locale',
    '--no-sync',
  ];
  const [program = '', ...args] = [...AS_NOBODY, path.join(tree, 'bin/initdb'), '-D', data, ...options];
  try {
    await run(program, args);
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new SetUpError(`PostgreSQL could not be initialised: ${said}`);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function untilItAnswers(dsn: string, child: Child, deadline: number): Promise<void> {
  let ended = false;
  void child.exited.then(() => {
    ended = true;
  });
  for (;;) {
    const client = new Client({ connectionString: dsn });
    try {
      await client.connect();
      return;
    } catch (error) {
      if (ended || performance.now() > deadline) throw error;
      await delay(25);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
