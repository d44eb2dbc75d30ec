import { h } from './dom.js';
import { HEALTHS, wordOfHealth } from './words.js';

/** @import { FleetFilter } from './types.d.ts' */

/** Between keys of one word; what was typed by then is looked for. */
const TYPING_MS = 150;

/**
 * The search and the choices above the list.
 *
 * @param {(change: Partial<FleetFilter>) => void} onChange
 */
export function makeFleetFilters(onChange) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  const text = h('input', {
    id: 'search',
    type: 'search',
    placeholder: 'Game or image',
    'aria-label': 'Search games by id or image',
    maxlength: 128,
    autocomplete: 'off',
    spellcheck: 'false',
    input() {
      clearTimeout(typing);
      typing = setTimeout(() => onChange({ text: text.value, page: 0 }), TYPING_MS);
    },
  });
  const status = makeChoice('Status', [
    ['', 'not removed'],
    ['running', 'running'],
    ['stopped', 'stopped'],
    ['removed', 'removed'],
    ['any', 'any status'],
  ]);
  const health = makeChoice('Health', [
    ['', 'any health'],
    ['attention', 'needs attention'],
    ...HEALTHS.map((one) => /** @type {const} */ ([one, wordOfHealth(one)[0]])),
  ]);
  status.addEventListener('change', () => onChange({ status: status.value, page: 0 }));
  health.addEventListener('change', () => onChange({ health: health.value, page: 0 }));

  return {
    element: h('div', { class: 'filters', role: 'search' }, text, status, health),
    /** @param {FleetFilter} filter */
    show(filter) {
      // Who types is ahead of what is shown.
      if (document.activeElement !== text) text.value = filter.text;
      status.value = filter.status;
      health.value = filter.health;
    },
    dispose: () => clearTimeout(typing),
  };
}

/**
 * @param {string} label
 * @param {readonly (readonly [value: string, word: string])[]} choices
 */
const makeChoice = (label, choices) =>
  h('select', { 'aria-label': label }, ...choices.map(([value, word]) => h('option', { value }, word)));
