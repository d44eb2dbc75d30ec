import { h } from './dom.js';

/** @import { Explanation, Finding } from './types.d.ts' */

const TONES = { info: 'quiet', warning: 'warn', problem: 'bad' };

/** Why the game is as it is, what to do about it, and what happens by itself. */
export function makeExplainPane() {
  const findings = h('ul', { class: 'findings' });
  const next = h('p', { class: 'next' });
  return {
    element: h('section', { 'aria-label': 'Explanation' }, findings, next),
    /** @param {Explanation} explanation */
    show(explanation) {
      findings.replaceChildren(...explanation.findings.map(makeFinding));
      next.replaceChildren(h('span', { class: 'faint' }, 'Next: '), explanation.next.message);
    },
    /** @param {unknown} error */
    showTrouble(error) {
      findings.replaceChildren();
      next.textContent = `There is no explanation: ${error instanceof Error ? error.message : error}`;
    },
  };
}

/** @param {Finding} finding */
const makeFinding = ({ severity, message, evidence, advice }) =>
  h(
    'li',
    { 'data-tone': TONES[severity] ?? 'quiet' },
    h('p', { class: 'lead' }, message),
    ...(advice ? [h('p', {}, advice)] : []),
    ...(evidence.length > 0
      ? [
          h(
            'details',
            {},
            h('summary', {}, 'What this is concluded from'),
            h('ul', { class: 'evidence' }, ...evidence.map((one) => h('li', {}, one))),
          ),
        ]
      : []),
  );
