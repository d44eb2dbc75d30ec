import { parseImageRef } from '../lib/image-ref.ts';
import { findProgress, findReady, startStep, withImage } from '../lib/replace-container.ts';
import { prepareStart } from '../lib/start-game.ts';
import { resumeStop, stopStep } from '../lib/stop-step.ts';
import type { Handler } from './types.ts';

/**
 * Stops a game and starts it again with the recorded image, in one turn (spec, section 4). What can fail is made ready
 * before the stop. A stopped game is simply started.
 */
export const restartRuntime: Handler = async (operation, context) => {
  const progress = await findProgress(operation, context);
  const imageText = progress.record.currentImageRef;
  const started = await withImage(imageText, async () => {
    const imageRef = parseImageRef(imageText);
    const resumed = progress.stop ? progress : await resumeStop(operation, progress.record, context);
    const image = resumed ? await findReady(imageRef, context) : await prepareStart(context, imageRef);
    const { record } = resumed ?? (await stopStep(operation, progress.record, context));
    return startStep({ operation, record, imageRef, image }, context);
  });
  return { replay: false, imageRef: imageText, ...started };
};
