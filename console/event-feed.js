import { h } from './dom.js';
import { formatTime } from './format.js';
import { gameHref } from './route.js';
import { wordOfEvent, wordOfOperation } from './words.js';

/** @import { HealthEventFrame, OperationFrame } from './types.d.ts' */

const SHOWN = 12;

/** What happens in the fleet while somebody looks, newest first. */
export function makeEventFeed() {
  const list = h('ol', { class: 'feed' });
  const empty = h('p', { class: 'faint' }, 'Nothing since this page was opened.');
  /**
   * @param {{ game_id: string, occurred_at: string }} event
   * @param {readonly [word: string, tone: string, ...unknown[]]} said
   */
  function add({ game_id: gameId, occurred_at: at }, [word, tone]) {
    empty.hidden = true;
    list.prepend(
      h(
        'li',
        { 'data-tone': tone },
        h('time', { datetime: at }, formatTime(at)),
        h('a', { href: gameHref(gameId) }, gameId),
        h('span', {}, word),
      ),
    );
    while (list.childElementCount > SHOWN) list.lastElementChild?.remove();
  }

  return {
    element: h('section', { 'aria-label': 'Events' }, h('h2', {}, 'Events'), empty, list),
    /** @param {HealthEventFrame} event */
    addHealth: (event) => add(event, wordOfEvent(event.event_type)),
    /** @param {OperationFrame} operation */
    addOperation: (operation) => add(operation, wordOfOperation(operation)),
  };
}
