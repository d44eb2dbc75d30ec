import { h } from './dom.js';

/**
 * A word whose colour says how it stands. The dot is decoration: the word says it all.
 *
 * @param {readonly [word: string, tone: string, ...unknown[]]} word
 */
export const badge = ([word, tone]) => h('span', { class: 'badge', 'data-tone': tone }, word);
