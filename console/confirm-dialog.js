import { h } from './dom.js';

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {string} value
 * @property {readonly string[]} [options] a choice of these; without them a line of text
 * @property {boolean} [mayBeEmpty]
 * @property {boolean} [isToBeFilled] as it stands it is not what somebody wants
 */

/**
 * Asks whether to go on. The keyboard stays inside while it is open, and Escape means no. Cancel has the first focus, so
 * that Enter pressed twice does nothing, unless something is to be filled in first.
 *
 * @param {object} question
 * @param {string} question.title
 * @param {string} question.text what will happen
 * @param {string} question.confirm the word on the button that does it
 * @param {boolean} question.isDangerous
 * @param {readonly Field[]} question.fields
 * @returns {Promise<Record<string, string> | undefined>} what was filled in; undefined for no
 */
export function confirmAction({ title, text, confirm, isDangerous, fields }) {
  /** @type {PromiseWithResolvers<Record<string, string> | undefined>} */
  const { promise, resolve } = Promise.withResolvers();
  const inputs = fields.map(makeInput);
  const cancel = h('button', { type: 'button', click: () => dialog.close() }, 'Cancel');
  const form = h(
    'form',
    { submit },
    h('h2', { id: 'confirm-title' }, title),
    h('p', {}, text),
    ...inputs.map(({ label }) => label),
    h(
      'div',
      { class: 'dialog-buttons' },
      cancel,
      h('button', { type: 'submit', class: isDangerous ? 'danger' : 'primary' }, confirm),
    ),
  );
  const dialog = h('dialog', { 'aria-labelledby': 'confirm-title', close: finish }, form);
  /** @type {Record<string, string> | undefined} */
  let answer;

  /** @param {SubmitEvent} event */
  function submit(event) {
    event.preventDefault();
    answer = Object.fromEntries(inputs.map(({ name, input }) => [name, input.value.trim()]));
    dialog.close();
  }

  function finish() {
    dialog.remove();
    resolve(answer);
  }

  document.body.append(dialog);
  dialog.showModal();
  (inputs.find((one) => one.isToBeFilled)?.input ?? cancel).focus();
  return promise;
}

/** @param {Field} field */
function makeInput({ name, label, value, options, mayBeEmpty = false, isToBeFilled = false }) {
  const input = options
    ? h(
        'select',
        { name },
        ...options.map((one) => h('option', { value: one, selected: one === value }, one)),
      )
    : h('input', {
        name,
        value,
        required: !mayBeEmpty,
        spellcheck: 'false',
        autocomplete: 'off',
        autocapitalize: 'off',
      });
  return { name, input, isToBeFilled, label: h('label', {}, h('span', {}, label), input) };
}
