import { z } from 'zod';
import { RuntimeError } from './errors.ts';
import type { GameId } from './game-id.ts';
import { engineEndpoint } from './game-names.ts';

export const RUNTIME_STATUSES = ['running', 'stopped', 'removed'] as const;
export type RuntimeStatus = (typeof RUNTIME_STATUSES)[number];

/** One game's runtime, as RTM believes it to be. Times are epoch milliseconds. */
export const runtimeRecord = z.strictObject({
  gameId: z.string(),
  status: z.enum(RUNTIME_STATUSES),
  currentContainerId: z.string().nullable(),
  currentImageRef: z.string(),
  imageDigest: z.string().nullable(),
  engineEndpoint: z.string(),
  statePath: z.string(),
  dockerNetwork: z.string(),
  createdAt: z.number(),
  startedAt: z.number().nullable(),
  stoppedAt: z.number().nullable(),
  removedAt: z.number().nullable(),
  lastOpAt: z.number(),
});
export type RuntimeRecord = z.infer<typeof runtimeRecord>;

/** The failure of everything that needs a record where there is none. */
export const neverStarted = (gameId: string): RuntimeError =>
  new RuntimeError('not_found', `Game ${gameId} has never been started here`);

/**
 * A compare-and-swap: `next` is written only if the record still is as `expected` says (null: there is
 * none). Everything that changes a record goes through it, so two writers never both win.
 */
export interface RecordChange {
  readonly expected: Pick<RuntimeRecord, 'status' | 'currentContainerId'> | null;
  readonly next: RuntimeRecord;
}

interface Start {
  gameId: GameId;
  containerId: string;
  imageRef: string;
  imageDigest: string;
  statePath: string;
  dockerNetwork: string;
}

/** The record of a game whose container now runs; `before` is what was recorded until now. */
export function recordStart(before: RuntimeRecord | null, start: Start, nowMs: number): RecordChange {
  return {
    expected: before,
    next: {
      gameId: start.gameId,
      status: 'running',
      currentContainerId: start.containerId,
      currentImageRef: start.imageRef,
      imageDigest: start.imageDigest,
      engineEndpoint: engineEndpoint(start.gameId),
      statePath: start.statePath,
      dockerNetwork: start.dockerNetwork,
      createdAt: before?.createdAt ?? nowMs,
      startedAt: nowMs,
      stoppedAt: null,
      removedAt: null,
      lastOpAt: nowMs,
    },
  };
}

/** A running container that RTM did not start itself, or not this time, is the game's from now on. */
export function recordAdoption(
  before: RuntimeRecord | null,
  start: Start & { readonly startedAtMs: number },
  nowMs: number,
): RecordChange {
  const { expected, next } = recordStart(before, start, nowMs);
  return { expected, next: { ...next, startedAt: start.startedAtMs } };
}

/** The container is there and does not run. */
export function recordStop(before: RuntimeRecord, nowMs: number): RecordChange {
  return { expected: before, next: { ...before, status: 'stopped', stoppedAt: nowMs, lastOpAt: nowMs } };
}

/** There is no container any more; which one it was last is told by the operations. */
export function recordRemoval(before: RuntimeRecord, nowMs: number): RecordChange {
  return {
    expected: before,
    next: { ...before, status: 'removed', currentContainerId: null, removedAt: nowMs, lastOpAt: nowMs },
  };
}
