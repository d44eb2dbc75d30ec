import { readDeadLetters, replayDeadLetter } from './api.js';
import { confirmAction } from './confirm-dialog.js';
import { h, setChildren } from './dom.js';
import { followOperation } from './follow-operation.js';
import { formatTime } from './format.js';

/** @import { DeadLetter } from './types.d.ts' */

const SHOWN = 5;
/** What may be corrected, of a start or of a stop. */
const FIELDS = ['game_id', 'image_ref', 'reason', 'requested_at_ms'];

/** The newest requests that could not be read, each of which may be asked for once more. Not there while there are none. */
export function makeDeadLetters() {
  /** @type {Map<string, { letter: DeadLetter, element: HTMLElement }>} */
  let shown = new Map();
  const list = h('ol', { class: 'letters' });
  const trouble = h('p', { class: 'faint', hidden: true });
  const element = h(
    'section',
    { 'aria-label': 'Dead letters', hidden: true },
    h('h2', {}, `Dead letters: requests that could not be read, the newest ${SHOWN}`),
    trouble,
    list,
  );

  async function refresh() {
    try {
      show(await readDeadLetters(SHOWN));
      trouble.hidden = true;
    } catch (error) {
      // They are in Redis, of which the page needs nothing else.
      trouble.textContent = `They can not be had: ${error instanceof Error ? error.message : error}`;
      trouble.hidden = false;
      element.hidden = false;
    }
  }

  /** @param {readonly DeadLetter[]} letters */
  function show(letters) {
    shown = new Map(
      letters.map((letter) => {
        const before = shown.get(letter.letter_id);
        const isSame =
          before?.letter.operation_id === letter.operation_id &&
          before?.letter.replayable === letter.replayable;
        return [letter.letter_id, isSame ? before : { letter, element: makeLetter(letter) }];
      }),
    );
    setChildren(
      list,
      [...shown.values()].map((one) => one.element),
    );
    element.hidden = letters.length === 0;
  }

  /** @param {DeadLetter} letter */
  const makeLetter = (letter) =>
    h(
      'li',
      {},
      h('time', { datetime: letter.rejected_at }, formatTime(letter.rejected_at)),
      h('div', {}, h('p', {}, letter.error_message), h('p', { class: 'faint' }, describe(letter))),
      letter.operation_id === null && letter.replayable
        ? h('button', { type: 'button', click: () => replay(letter) }, 'Replay')
        : h('span', { class: 'faint' }, letter.operation_id === null ? 'not to be replayed' : 'replayed'),
    );

  /** @param {DeadLetter} letter */
  async function replay({ letter_id: letterId, error_message: why, fields }) {
    const values = await confirmAction({
      title: 'Replay the dead letter?',
      text: `It joins the queue of its game behind everything asked for since. It was refused because ${why}.`,
      confirm: 'Replay',
      isDangerous: false,
      fields: FIELDS.map((name) => ({
        name,
        label: name,
        value: fields[name] ?? '',
        mayBeEmpty: true,
        isToBeFilled: why.includes(`"${name}"`),
      })),
    });
    if (!values) return;
    const corrected = Object.entries(values).filter(([name, value]) => value !== (fields[name] ?? ''));
    const request = () => replayDeadLetter(letterId, Object.fromEntries(corrected));
    await followOperation(`Replay ${letterId}`, request, () => void refresh());
  }

  return { element, refresh };
}

/** @param {DeadLetter} letter */
const describe = ({ source_stream: stream, fields }) =>
  [stream, ...Object.entries(fields).map(([name, value]) => `${name}=${value}`)].join(' ');
