import { EVENTS_URL } from './api.js';
import { EVENT_TYPES } from './words.js';

/** @import { HealthEventFrame, OperationFrame } from './types.d.ts' */

/** A browser gives up for good when the answer is an error; a replica that starts anew gives one for a moment. */
const RETRY_MS = 10_000;

/**
 * Listens to what happens for as long as the page is there. After a break the browser asks by itself for what it missed
 * (Last-Event-ID).
 *
 * @param {object} listeners
 * @param {(event: HealthEventFrame) => void} listeners.onHealth
 * @param {(operation: OperationFrame) => void} listeners.onOperation
 * @param {() => void} listeners.onGap something may have been missed
 * @param {(state: 'connecting' | 'live' | 'off') => void} listeners.onState
 */
export function listenToEvents({ onHealth, onOperation, onGap, onState }) {
  let wasOff = false;

  function connect() {
    const source = new EventSource(EVENTS_URL);
    source.addEventListener('open', () => {
      onState('live');
      // A new listener begins with what comes next.
      if (wasOff) onGap();
      wasOff = false;
    });
    source.addEventListener('error', () => {
      const gaveUp = source.readyState === EventSource.CLOSED;
      onState(gaveUp ? 'off' : 'connecting');
      if (!gaveUp) return;
      wasOff = true;
      setTimeout(connect, RETRY_MS);
    });
    for (const type of EVENT_TYPES) {
      source.addEventListener(type, ({ data }) => onHealth(JSON.parse(data)));
    }
    source.addEventListener('operation', ({ data }) => onOperation(JSON.parse(data)));
    source.addEventListener('gap', onGap);
  }
  connect();
}
