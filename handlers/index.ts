import { cleanupRuntime } from './cleanup-runtime.ts';
import { expireContainers } from './expire-containers.ts';
import { forgetHistory } from './forget-history.ts';
import { inspectRuntimes } from './inspect-runtimes.ts';
import { patchRuntime } from './patch-runtime.ts';
import { probeRuntimes } from './probe-runtimes.ts';
import { reconcileGame } from './reconcile-game.ts';
import { reconcileRuntimes } from './reconcile-runtimes.ts';
import { restartRuntime } from './restart-runtime.ts';
import { startRuntime } from './start-runtime.ts';
import { stopRuntime } from './stop-runtime.ts';
import type { Handlers, TickHandler } from './types.ts';

/** Every kind of operation that this version runs. */
export const handlers: Handlers = {
  start: startRuntime,
  stop: stopRuntime,
  restart: restartRuntime,
  patch: patchRuntime,
  cleanup_container: cleanupRuntime,
  reconcile_adopt: reconcileGame,
  reconcile_dispose: reconcileGame,
  reconcile_exit: reconcileGame,
};

/** What this version looks after by itself, by the names of the schedules. */
export const tickHandlers = {
  inspect: inspectRuntimes,
  reconcile: (context) => reconcileRuntimes(context, 'reconcile'),
  cleanup: expireContainers,
  forget: forgetHistory,
  probe: probeRuntimes,
} as const satisfies Record<string, TickHandler>;
