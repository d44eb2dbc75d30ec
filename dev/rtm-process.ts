import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SERVICE_FLAGS } from './bootstrap/node-flags.mjs';
import type { Child } from './child.ts';
import { startChild, tailOf } from './child.ts';
import { dockerHost } from './machine/docker.mjs';
import { ROOT_DIR } from './paths.ts';
import { freePort } from './services/free-port.ts';
import type { Stack } from './stack.ts';
import { SetUpError, step } from './steps.ts';

const READY_TIMEOUT_MS = 20_000;
const STOP_GRACE_MS = 40_000;

/** A Runtime Manager of this run's own. */
export interface RtmProcess {
  /** The base of its HTTP interface. */
  readonly url: string;
  readonly logFile: string;
  readonly child: Child;
  /** Sends SIGTERM; throws when it does not end with 0. */
  stop(): Promise<void>;
}

/** Starts `main.ts` as a service is started, from variables only, and waits until /readyz says yes. */
export async function startRtm(stack: Stack): Promise<RtmProcess> {
  return step('Runtime Manager', async () => {
    const port = await freePort();
    const logFile = path.join(stack.dir, 'rtm.log');
    const child = startChild({
      command: [process.execPath, ...SERVICE_FLAGS, path.join(ROOT_DIR, 'main.ts')],
      env: { ...process.env, ...rtmVariables(stack, port) },
      cwd: ROOT_DIR,
      logFile,
    });
    const rtm = { url: `http://127.0.0.1:${port}`, logFile, child, stop: () => stop(child, logFile) };
    try {
      await untilReady(rtm);
    } catch (error) {
      await child.stop('SIGKILL', 0);
      throw error;
    }
    return { value: rtm, name: `Runtime Manager on port ${port}`, how: 'ready' };
  });
}

/** What the service is configured with; everything else is left to its defaults and to the caller's environment. */
function rtmVariables(stack: Stack, port: number): NodeJS.ProcessEnv {
  // Only root may give a directory to the engine's user; anybody else has to open it to all.
  const isRoot = process.getuid?.() === 0;
  const owner = isRoot
    ? { RTMANAGER_GAME_STATE_OWNER_UID: '10001', RTMANAGER_GAME_STATE_OWNER_GID: '10001' }
    : {
        RTMANAGER_GAME_STATE_DIR_MODE: '0777',
        RTMANAGER_GAME_STATE_OWNER_UID: String(process.getuid?.()),
        RTMANAGER_GAME_STATE_OWNER_GID: String(process.getgid?.()),
      };
  return {
    RTMANAGER_INTERNAL_HTTP_ADDR: `127.0.0.1:${port}`,
    RTMANAGER_POSTGRES_PRIMARY_DSN: stack.dsn,
    RTMANAGER_REDIS_MASTER_ADDR: stack.redisAddr,
    RTMANAGER_DOCKER_HOST: dockerHost(),
    RTMANAGER_DOCKER_NETWORK: stack.network,
    RTMANAGER_GAME_STATE_ROOT: stack.stateRoot,
    RTMANAGER_LOBBY_INTERNAL_BASE_URL: stack.lobbyUrl,
    OTEL_TRACES_EXPORTER: 'none',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    ...owner,
  };
}

async function untilReady(rtm: { url: string; logFile: string; child: Child }): Promise<void> {
  const deadline = performance.now() + READY_TIMEOUT_MS;
  let said = 'no answer';
  let ended = false;
  void rtm.child.exited.then(() => {
    ended = true;
  });
  while (performance.now() < deadline) {
    if (ended) throw new SetUpError(`Runtime Manager ended while it started:\n${await tailOf(rtm.logFile)}`);
    try {
      const response = await fetch(`${rtm.url}/readyz`, { signal: AbortSignal.timeout(2_000) });
      said = `${response.status} ${await response.text()}`;
      if (response.status === 200) return;
    } catch {
      // not listening yet
    }
    await delay(25);
  }
  throw new SetUpError(`Runtime Manager is not ready (/readyz: ${said}):\n${await tailOf(rtm.logFile)}`);
}

async function stop(child: Child, logFile: string): Promise<void> {
  const { code, signal } = await child.stop('SIGTERM', STOP_GRACE_MS);
  if (code === 0) return;
  throw new Error(`Runtime Manager ended with ${signal ?? code} on SIGTERM:\n${await tailOf(logFile)}`);
}
