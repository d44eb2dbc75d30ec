import type { InnerEntry } from './effects.ts';
import { RuntimeError } from './errors.ts';
import { innerStop } from './inner-entries.ts';
import type { Operation } from './operation.ts';
import type { ReplaceTools } from './replace-container.ts';
import type { RuntimeRecord } from './runtime-record.ts';
import { stopGame } from './stop-game.ts';
import { endsAttemptOnly } from './store-away-error.ts';

interface Stopped {
  readonly record: RuntimeRecord;
  /** The inner entry. */
  readonly stop: InnerEntry;
}

/**
 * Stops the game and commits that. Also what somebody started by hand after it was stopped: the game is to have a new
 * container.
 */
export async function stopStep(
  operation: Operation,
  record: RuntimeRecord,
  tools: ReplaceTools,
): Promise<Stopped> {
  const startedAt = tools.now();
  const byHand = record.status === 'stopped' && (await isRunning(record, tools));
  const stopped = await stopGame(tools, record, operation.attempt, byHand);
  // The evidence belongs to the inner entry: by that stop the container ended.
  const { exitEvidence, ...effects } = stopped.effects;
  const { replay } = stopped;
  const stop = innerStop(record, { replay, exitEvidence }, startedAt);
  try {
    await tools.commitStep({ ...effects, inner: [...(effects.inner ?? []), stop] });
  } catch (error) {
    if (replay || endsAttemptOnly(error)) throw error;
    throw await startAgain(record, tools, error);
  }
  return { record: effects.record?.next ?? record, stop };
}

/**
 * The stop of an attempt that died before it could commit it, taken up: the container of a game that is recorded as
 * running does not run. Undefined where there is nothing of the kind, and the operation begins at its beginning.
 */
export async function resumeStop(
  operation: Operation,
  record: RuntimeRecord,
  tools: ReplaceTools,
): Promise<Stopped | undefined> {
  if (operation.attempt === 1 || record.status !== 'running') return undefined;
  if (await isRunning(record, tools)) return undefined;
  return stopStep(operation, record, tools);
}

/** Whether the container that the record names runs in Docker. */
export const isRunning = async (
  { currentContainerId }: RuntimeRecord,
  { docker }: Pick<ReplaceTools, 'docker'>,
): Promise<boolean> =>
  currentContainerId !== null && (await docker.inspect(currentContainerId))?.running === true;

/** A stop that PostgreSQL refuses to record is taken back: record and game are as before. */
async function startAgain(
  { currentContainerId: id }: RuntimeRecord,
  { docker }: ReplaceTools,
  cause: unknown,
): Promise<unknown> {
  if (id === null || !(await docker.inspect(id))) return cause;
  await docker.start(id);
  return new RuntimeError('internal_error', `The stop could not be recorded; container ${id} runs again`, {
    cause,
  });
}
