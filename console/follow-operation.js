import { readOperation, requestChange } from './api.js';
import { openToast } from './toasts.js';
import { wordOfOperation } from './words.js';

const FIRST_LOOK_MS = 200;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Asks for a change and tells how it goes until it has ended. The operation goes on whatever becomes of the page.
 *
 * @param {string} gameId
 * @param {string} title
 * @param {Parameters<typeof requestChange>[1]} change
 * @param {() => void} onChange called when it is on record, and when it has ended
 */
export async function followOperation(gameId, title, change, onChange) {
  const toast = openToast(title);
  toast.say('Asking …', 'busy');
  try {
    let operation = await requestChange(gameId, change);
    onChange();
    for (
      let pauseMs = FIRST_LOOK_MS;
      operation.status !== 'finished';
      pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)
    ) {
      toast.say(wordOfOperation(operation)[0], 'busy');
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      operation = await readOperation(operation.operation_id);
    }
    const [word, tone] = wordOfOperation(operation);
    toast.say(operation.error_message ? `${word}. ${operation.error_message}` : word, tone);
    onChange();
  } catch (error) {
    toast.say(error instanceof Error ? error.message : String(error), 'bad');
  }
}
