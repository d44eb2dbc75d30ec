import { byId, h } from './dom.js';

/** @type {readonly (readonly [keys: string, what: string])[]} */
const KEYS = [
  ['/', 'search'],
  ['j  k', 'next, previous game of the list'],
  ['Enter', 'open the game'],
  ['g', 'back to the fleet'],
  ['Esc', 'close a dialog, leave the search'],
  ['?', 'this list'],
];

/** Listens to keys that stand for something wherever nothing is typed. */
export function listenToKeys() {
  byId('keys').addEventListener('click', showKeys);
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    const { target } = event;
    if (target instanceof HTMLElement && target.matches('input, select, textarea')) {
      if (event.key === 'Escape') target.blur();
      return;
    }
    const act = ACTS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

/** @type {Readonly<Record<string, () => void>>} */
const ACTS = {
  '/': () => document.getElementById('search')?.focus(),
  j: () => moveInList(+1),
  k: () => moveInList(-1),
  g: () => {
    location.hash = '#/';
  },
  '?': showKeys,
};

/** @param {1 | -1} by */
function moveInList(by) {
  const links = [...document.querySelectorAll('.row-link')];
  const at = document.activeElement ? links.indexOf(document.activeElement) : -1;
  const next = links[at < 0 ? 0 : at + by];
  if (next instanceof HTMLElement) next.focus();
}

function showKeys() {
  const dialog = h(
    'dialog',
    { 'aria-labelledby': 'keys-title', close: () => dialog.remove() },
    h('h2', { id: 'keys-title' }, 'Keyboard'),
    h(
      'dl',
      { class: 'keys' },
      ...KEYS.flatMap(([keys, what]) => [h('dt', {}, h('kbd', {}, keys)), h('dd', {}, what)]),
    ),
    h(
      'div',
      { class: 'dialog-buttons' },
      h('button', { type: 'button', click: () => dialog.close() }, 'Close'),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
}
