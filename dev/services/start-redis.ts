import { mkdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Child } from '../child.ts';
import { startChild, tailOf } from '../child.ts';
import { SetUpError } from '../steps.ts';
import { freePort } from './free-port.ts';

const READY_TIMEOUT_MS = 5_000;
const STOP_GRACE_MS = 3_000;
/** A Redis that loads its data guesses how long that takes, and the library would wait as long. */
const OFTEN = { retryStrategy: () => 20, maxLoadingRetryTime: 20 };

/** A Redis of a run's own. */
export interface PrivateRedis {
  readonly port: number;
  readonly version: string;
  /** Where its data is. */
  readonly data: string;
  /** Ends it without a word, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again after its end, at the same address, with what `data` holds. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a Redis on a free loopback port, with its log under `dir`. It keeps nothing on disk unless it is told to. */
export async function startRedis(
  program: string,
  dir: string,
  {
    appendOnly = false,
    args = [],
  }: { readonly appendOnly?: boolean; readonly args?: readonly string[] } = {},
): Promise<PrivateRedis> {
  const port = await freePort();
  const logFile = path.join(dir, 'redis.log');
  const data = path.join(dir, 'redis');
  await mkdir(data);
  // The program may be Debian's redis-check-rdb, which is a server when it is called so.
  const server = path.join(dir, 'redis-server');
  await symlink(program, server);
  const options = [
    ...['--bind', '127.0.0.1', '--port', String(port), '--dir', data],
    ...['--save', '', '--appendonly', appendOnly ? 'yes' : 'no'],
    ...args,
  ];
  const run = (): Child => startChild({ command: [server, ...options], logFile });
  let child = run();
  const stop = async (): Promise<void> => {
    await child.stop('SIGTERM', STOP_GRACE_MS);
  };
  async function untilItRuns(): Promise<string> {
    try {
      return await answer(port);
    } catch {
      await stop();
      throw new SetUpError(`Redis did not start:\n${await tailOf(logFile)}`);
    }
  }
  return {
    port,
    data,
    version: await untilItRuns(),
    stop,
    async kill() {
      await child.stop('SIGKILL', STOP_GRACE_MS);
    },
    async start() {
      await mkdir(data, { recursive: true });
      child = run();
      await untilItRuns();
    },
  };
}

/** Waits for the first answer and returns the server's version. */
async function answer(port: number): Promise<string> {
  const client = new Redis({ host: '127.0.0.1', port, lazyConnect: true, ...OFTEN });
  client.on('error', () => undefined); // expected until it listens
  try {
    const late = delay(READY_TIMEOUT_MS, undefined, { ref: false }).then(() => {
      throw new Error('no answer');
    });
    const info = await Promise.race([client.info('server'), late]);
    return /redis_version:(\S+)/.exec(info)?.[1] ?? 'of unknown version';
  } finally {
    client.disconnect();
  }
}
