/** @import { Operation } from './types.d.ts' */

import { makeKey, readOperation } from './api.js';
import { insist, mayPass } from './insist.js';
import { openToast } from './toasts.js';
import { wordOfOperation } from './words.js';

const FIRST_LOOK_MS = 200;
const LONGEST_PAUSE_MS = 2_000;

/** What is to be said when nothing was answered for a minute. */
const GOES_ON = 'The operation goes on; the page of the game tells how it ends.';
const UNKNOWN =
  'Whether it was accepted is not known; look at the operations of the game before it is asked for again.';

/**
 * Asks for a change and tells how it goes until it has ended. The operation goes on whatever becomes of the page, and of
 * the service that is asked: a lost answer is asked for again, with the key under which it is still one change.
 *
 * @param {string} title
 * @param {(key: string) => Promise<Operation>} request asked again with the same key, it is the same change; resolves as
 * soon as the operation is on record
 * @param {() => void} onChange called when it is on record, and when it has ended
 */
export async function followOperation(title, request, onChange) {
  const toast = openToast(title);
  toast.say('Asking …', 'busy');
  const key = makeKey();
  let isAccepted = false;
  try {
    let operation = await insist(
      () => request(key),
      () => toast.say('No answer yet; asking again, for one and the same change …', 'busy'),
    );
    isAccepted = true;
    onChange();
    for (
      let pauseMs = FIRST_LOOK_MS;
      operation.status !== 'finished';
      pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)
    ) {
      toast.say(wordOfOperation(operation)[0], 'busy');
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      const { operation_id: operationId } = operation;
      operation = await insist(
        () => readOperation(operationId),
        () => toast.say('The service does not answer at the moment; the operation goes on …', 'busy'),
      );
    }
    const [word, tone] = wordOfOperation(operation);
    toast.say(operation.error_message ? `${word}. ${operation.error_message}` : word, tone);
    onChange();
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    toast.say(mayPass(error) ? `${said}. ${isAccepted ? GOES_ON : UNKNOWN}` : said, 'bad');
  }
}
