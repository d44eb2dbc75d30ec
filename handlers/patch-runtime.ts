import type { Image } from '../lib/docker/inspect-image.ts';
import { isSameImage } from '../lib/docker/same-image.ts';
import { type Effects, type InnerEntry, OperationFailure } from '../lib/effects.ts';
import { assertPatchOnly } from '../lib/engine-version.ts';
import { REPLAY_NO_OP, RuntimeError, toErrorCode } from '../lib/errors.ts';
import { type ImageRef, parseImageRef } from '../lib/image-ref.ts';
import type { Operation } from '../lib/operation.ts';
import { isFinal } from '../lib/remove-left.ts';
import { findProgress, findReady, startStep } from '../lib/replace-container.ts';
import type { RuntimeRecord } from '../lib/runtime-record.ts';
import { prepareStart } from '../lib/start-game.ts';
import { isRunning, resumeStop, stopStep } from '../lib/stop-step.ts';
import { endsAttemptOnly } from '../lib/store-away-error.ts';
import type { Handler, HandlerContext, Result } from './types.ts';

/**
 * Moves a game to another patch version of its engine (spec, section 4): a restart with another image, which is made
 * ready before the old container is stopped. When the new one can not start, the old image is started again.
 */
export const patchRuntime: Handler = async (operation, context) => {
  const { record, stop, failedStart } = await findProgress(operation, context);
  if (failedStart) return rollBack(operation, record, failedStart, context);
  const imageRef = parseImageRef(operation.imageRef ?? '');
  if (!stop) assertPatchOnly(parseImageRef(record.currentImageRef), imageRef);
  const resumed = stop ? { record, stop } : await resumeStop(operation, record, context);
  if (resumed) {
    return startNew({ operation, ...resumed, imageRef, image: await findReady(imageRef, context) }, context);
  }
  if (await runsAlready(record, imageRef, context)) return noOp(record);
  const image = await prepareStart(context, imageRef);
  const stopped = await stopStep(operation, record, context);
  return startNew({ operation, ...stopped, imageRef, image }, context);
};

const runsAlready = async (
  record: RuntimeRecord,
  wanted: ImageRef,
  context: HandlerContext,
): Promise<boolean> =>
  record.status === 'running' &&
  isSameImage(record.currentImageRef, wanted) &&
  (await isRunning(record, context));

const noOp = ({ currentContainerId: containerId, engineEndpoint }: RuntimeRecord): Result => ({
  replay: true,
  containerId,
  engineEndpoint,
  effects: {},
});

interface NewStart {
  readonly operation: Operation;
  readonly record: RuntimeRecord;
  readonly stop: InnerEntry;
  readonly imageRef: ImageRef;
  readonly image: Image | undefined;
}

async function startNew(start: NewStart, context: HandlerContext): Promise<Result> {
  try {
    return { replay: false, ...(await startStep(start, context)) };
  } catch (error) {
    if (!(error instanceof OperationFailure) || !isFinal(error)) throw error;
    const wasStopped = start.stop.errorCode === REPLAY_NO_OP;
    const { effects } = error.aftermath;
    const [failedStart] = effects.inner ?? [];
    if (wasStopped || !failedStart) throw error;
    // On record first: an attempt that finds this one dead goes on with the rollback, whose container it would
    // otherwise take for somebody else's.
    const recorded = await commitFailedStart(effects, context);
    const record = recorded ? (effects.record?.next ?? start.record) : start.record;
    return rollBack(start.operation, record, failedStart, context);
  }
}

/** False when PostgreSQL refuses it: the old image is to run all the same. */
async function commitFailedStart(effects: Effects, { commitStep, log }: HandlerContext): Promise<boolean> {
  try {
    await commitStep(effects);
    return true;
  } catch (error) {
    if (endsAttemptOnly(error)) throw error;
    log.error('the failed start could not be recorded, it is rolled back all the same', { error });
    return false;
  }
}

/** Starts what ran before, as it is on this host: no registry can get in the way. The patch has failed either way. */
async function rollBack(
  operation: Operation,
  record: RuntimeRecord,
  failedStart: InnerEntry,
  context: HandlerContext,
): Promise<never> {
  const code = toErrorCode(failedStart.errorCode);
  const wanted = operation.imageRef ?? '';
  const old = parseImageRef(record.currentImageRef);
  const image = await findReady(old, context);
  const { effects, undo } = await startStep(
    { operation, record, imageRef: old, image, ranBefore: true },
    context,
  ).catch((error: unknown) => {
    throw error instanceof OperationFailure ? withFirstCause(error, failedStart, old, wanted) : error;
  });
  throw new OperationFailure(
    new RuntimeError(code, `${failedStart.errorMessage}; rolled back, ${old.text} runs again`),
    { imageRef: wanted, effects, undo },
  );
}

/** The failure of the rollback, told behind the one that made it necessary. */
function withFirstCause(
  { error, aftermath }: OperationFailure,
  failedStart: InnerEntry,
  old: ImageRef,
  wanted: string,
): OperationFailure {
  const message = `${failedStart.errorMessage}; ${old.text} could not be started again either: ${error.message}`;
  const { rollbackPending } = error;
  return new OperationFailure(
    new RuntimeError(isFinal(error) ? toErrorCode(failedStart.errorCode) : error.code, message, {
      cause: error,
      isTransient: error.isTransient,
      ...(rollbackPending === undefined ? {} : { rollbackPending }),
    }),
    { ...aftermath, imageRef: wanted },
  );
}
