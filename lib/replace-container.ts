import type { TrustDaemon } from './daemon-trust.ts';
import type { Image } from './docker/inspect-image.ts';
import { type Effects, type InnerEntry, OperationFailure } from './effects.ts';
import { RuntimeError, toRuntimeError } from './errors.ts';
import { type GameId, parseGameId } from './game-id.ts';
import type { ImageRef } from './image-ref.ts';
import { innerStart, innerStartFailed } from './inner-entries.ts';
import { isSurrender } from './lease.ts';
import type { Operation } from './operation.ts';
import { withoutLeftovers } from './remove-left.ts';
import { neverStarted, type RuntimeRecord } from './runtime-record.ts';
import { afterFailedStart, assertAllowed, type StartTools, startGame } from './start-game.ts';

/**
 * What restart and patch share: one turn of the game over a stop and a start (spec, section 4). The stop is committed
 * before the start begins, so an attempt that follows a crash knows from the inner entries how far the operation is:
 * it neither stops the new container nor takes the removal of the old one for an incident.
 */

export interface ReplaceTools extends StartTools {
  readonly trustDaemon: TrustDaemon;
  readonly records: { get(gameId: GameId): Promise<RuntimeRecord | null> };
  readonly commitStep: (effects: Effects) => Promise<void>;
  readonly steps: () => Promise<readonly InnerEntry[]>;
}

/** Where an operation stands when an attempt begins. */
interface Progress {
  readonly record: RuntimeRecord;
  /** The entry of the stop, once that is done. */
  readonly stop: InnerEntry | undefined;
  /** The entry of the start that failed, once that is certain. */
  readonly failedStart: InnerEntry | undefined;
}

/** @throws RuntimeError `not_found` for a game without a record, `conflict` for one whose container is removed */
export async function findProgress(
  operation: Operation,
  { records, steps }: ReplaceTools,
): Promise<Progress> {
  const done = await steps();
  const stop = done.find((entry) => entry.opKind === 'stop');
  const failedStart = done.find((entry) => entry.opKind === 'start' && entry.outcome === 'failure');
  const gameId = parseGameId(operation.gameId);
  const record = await records.get(gameId);
  if (!record) throw neverStarted(gameId);
  if (record.status === 'removed' && !stop) {
    throw new RuntimeError(
      'conflict',
      `Game ${gameId} is removed; start it with the image that it is to run`,
    );
  }
  return { record, stop, failedStart };
}

/** The image as it is on this host, where an earlier attempt has made it ready: no registry can get in the way. */
export const findReady = async (
  imageRef: ImageRef,
  { docker }: Pick<ReplaceTools, 'docker'>,
): Promise<Image | undefined> => (await docker.findImage(imageRef)) ?? undefined;

interface StartStep {
  readonly operation: Operation;
  readonly record: RuntimeRecord;
  readonly imageRef: ImageRef;
  readonly image?: Image | undefined;
  /** The image that the game ran until now, which no allowlist that came later takes from it. */
  readonly ranBefore?: boolean;
}

/**
 * Starts the new container; its entry is part of the effects.
 *
 * @throws OperationFailure with the entry of the failed start, and with the removal of the old container where that
 * had to make room
 */
export async function startStep(
  { operation, record, imageRef, image, ranBefore = false }: StartStep,
  tools: ReplaceTools,
) {
  const startedAt = tools.now();
  const gameId = parseGameId(operation.gameId);
  try {
    if (!ranBefore) assertAllowed(imageRef, tools.config);
    const started = await withoutLeftovers({ ...tools, operation }, () =>
      startGame(tools, { operation, gameId, imageRef, image, record, ranBefore }),
    );
    const inner = [innerStart(imageRef.text, started.containerId, startedAt)];
    const afterUndo = (why: RuntimeError): Effects => ({
      ...started.afterUndo?.(why),
      inner: [innerStartFailed(imageRef.text, why, startedAt)],
    });
    return { ...started, effects: { ...started.effects, inner }, afterUndo };
  } catch (error) {
    if (isSurrender(error)) throw error;
    const failure = toRuntimeError(error);
    throw new OperationFailure(failure, {
      imageRef: imageRef.text,
      effects: {
        ...(await afterFailedStart(tools, record, failure)),
        inner: [innerStartFailed(imageRef.text, failure, startedAt)],
      },
    });
  }
}

/** Names the image to whoever reads of a failure in `work` that left everything as it was. */
export async function withImage<T>(imageRef: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    throw new OperationFailure(error, { imageRef, effects: {} });
  }
}
