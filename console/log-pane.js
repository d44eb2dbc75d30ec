import { openLogs } from './api.js';
import { h } from './dom.js';

const TAIL = 200;
const MOST_CHARACTERS = 400_000;

/**
 * The last lines of the engine's log, and the ones to come for whoever follows.
 *
 * @param {string} gameId
 */
export function makeLogPane(gameId) {
  let reading = new AbortController();
  const follow = h('input', { type: 'checkbox', change: () => load() });
  const note = h('p', { class: 'faint', role: 'status' });
  const text = h('pre', { class: 'log tall', tabindex: 0, 'aria-label': 'Log of the engine' });

  async function load() {
    reading.abort();
    reading = new AbortController();
    const { signal } = reading;
    note.textContent = 'Reading …';
    try {
      const response = await openLogs(gameId, { tail: TAIL, follow: follow.checked, signal });
      text.textContent = '';
      note.textContent = follow.checked ? 'New lines come as they are written.' : '';
      await readInto(text, response);
      if (follow.checked) note.textContent = 'The container has ended.';
      else if (text.textContent === '') note.textContent = 'The engine has written nothing.';
    } catch (error) {
      if (signal.aborted) return;
      note.textContent = `There is no log to read: ${error instanceof Error ? error.message : error}`;
    }
  }

  return {
    element: h(
      'section',
      { 'aria-label': 'Log' },
      h(
        'div',
        { class: 'section-head' },
        h('h2', {}, `Log, last ${TAIL} lines`),
        h('label', { class: 'check' }, follow, 'Follow'),
        h('button', { type: 'button', click: () => load() }, 'Read again'),
      ),
      note,
      text,
    ),
    load,
    dispose: () => reading.abort(),
  };
}

/**
 * Adds what comes, and lets go of the oldest: a page that is left open over night must not grow without end.
 *
 * @param {HTMLElement} text
 * @param {Response} response
 */
async function readInto(text, response) {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const isAtEnd = text.scrollTop + text.clientHeight >= text.scrollHeight - 4;
    const all = text.textContent + part.value;
    text.textContent =
      all.length > MOST_CHARACTERS ? all.slice(all.indexOf('\n', all.length - MOST_CHARACTERS) + 1) : all;
    if (isAtEnd) text.scrollTop = text.scrollHeight;
  }
}
