import { symlink } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startChild, tailOf } from '../child.ts';
import { SetUpError } from '../steps.ts';
import { freePort } from './free-port.ts';

const READY_TIMEOUT_MS = 5_000;
const STOP_GRACE_MS = 3_000;

/** A service of a run's own. */
export interface PrivateService {
  readonly port: number;
  readonly version: string;
  stop(): Promise<void>;
}

/** Starts a Redis on a free loopback port that keeps nothing on disk. `dir` takes its log. */
export async function startRedis(program: string, dir: string): Promise<PrivateService> {
  const port = await freePort();
  const logFile = path.join(dir, 'redis.log');
  // The program may be Debian's redis-check-rdb, which is a server when it is called so.
  const server = path.join(dir, 'redis-server');
  await symlink(program, server);
  const options = [
    '--bind',
    '127.0.0.1',
    '--port',
    String(port),
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    dir,
  ];
  const child = startChild({ command: [server, ...options], logFile });
  const stop = async (): Promise<void> => {
    await child.stop('SIGTERM', STOP_GRACE_MS);
  };
  try {
    return { port, version: await answer(port), stop };
  } catch {
    await stop();
    throw new SetUpError(`Redis did not start:\n${await tailOf(logFile)}`);
  }
}

/** Waits for the first answer and returns the server's version. */
async function answer(port: number): Promise<string> {
  const client = new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => 20 });
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
