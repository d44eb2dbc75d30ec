import { requestChange } from './api.js';
import { confirmAction } from './confirm-dialog.js';
import { h } from './dom.js';
import { followOperation } from './follow-operation.js';

/** @import { Field } from './confirm-dialog.js' */
/** @import { Runtime } from './types.d.ts' */

/**
 * @typedef {object} Action
 * @property {string} word
 * @property {'POST' | 'DELETE'} method
 * @property {string} path
 * @property {string} text what will happen
 * @property {boolean} isDangerous
 * @property {readonly (Runtime['status'] | 'none')[]} in where it makes sense: the service has the last word
 * @property {(imageRef: string) => readonly Field[]} fields
 */

const STOP_REASONS = ['admin_request', 'finished', 'cancelled', 'timeout', 'orphan_cleanup'];

/** @type {readonly Action[]} */
const ACTIONS = [
  {
    word: 'Start',
    method: 'POST',
    path: 'start',
    text: 'The image is pulled where it is not there, and the engine started.',
    isDangerous: false,
    in: ['none', 'stopped', 'removed'],
    fields: (value) => [{ name: 'image_ref', label: 'Image', value, isToBeFilled: value === '' }],
  },
  {
    word: 'Stop',
    method: 'POST',
    path: 'stop',
    text: 'The engine gets SIGTERM, and after the grace period SIGKILL. Players lose their connection. State and container stay.',
    isDangerous: true,
    in: ['running'],
    fields: () => [{ name: 'reason', label: 'Reason', value: 'admin_request', options: STOP_REASONS }],
  },
  {
    word: 'Restart',
    method: 'POST',
    path: 'restart',
    text: 'The engine is stopped and started again with the same image, in a new container. State stays.',
    isDangerous: true,
    in: ['running', 'stopped'],
    fields: () => [],
  },
  {
    word: 'Patch',
    method: 'POST',
    path: 'patch',
    text: 'The new image is pulled first, then the engine is restarted with it. Only the patch number of its version may differ. When it can not start, the old image is started again.',
    isDangerous: true,
    in: ['running', 'stopped'],
    fields: (value) => [{ name: 'image_ref', label: 'Image', value, isToBeFilled: true }],
  },
  {
    word: 'Clean up',
    method: 'DELETE',
    path: 'container',
    text: 'The container of the stopped game is removed, and its log with it. The state directory stays.',
    isDangerous: true,
    in: ['stopped'],
    fields: () => [],
  },
];

/**
 * The buttons of a game. Each asks before anything happens.
 *
 * @param {string} gameId
 * @param {() => void} onChange the game has changed, or may have
 */
export function makeGameActions(gameId, onChange) {
  let imageRef = '';
  const buttons = ACTIONS.map((action) => ({
    action,
    // Until it is known how the game is.
    button: h('button', { type: 'button', disabled: true, click: () => perform(action) }, action.word),
  }));

  /** @param {Action} action */
  async function perform(action) {
    const values = await confirmAction({
      title: `${action.word} ${gameId}?`,
      text: action.text,
      confirm: action.word,
      isDangerous: action.isDangerous,
      fields: action.fields(imageRef),
    });
    if (!values) return;
    const body = action.method === 'POST' ? { body: values } : {};
    /** @param {string} key */
    const request = (key) => requestChange(gameId, { ...action, ...body }, key);
    await followOperation(`${action.word} ${gameId}`, request, onChange);
  }

  return {
    element: h(
      'div',
      { class: 'actions', role: 'group', 'aria-label': 'What can be done' },
      ...buttons.map((one) => one.button),
    ),
    /** @param {Runtime | undefined} runtime undefined for a game without a record */
    show(runtime) {
      imageRef = runtime?.current_image_ref ?? '';
      const status = runtime?.status ?? 'none';
      for (const { action, button } of buttons) {
        button.disabled = !action.in.includes(status);
        button.title = button.disabled
          ? `Not for a game that is ${status === 'none' ? 'not on record' : status}`
          : '';
      }
    },
  };
}
