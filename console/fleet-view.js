import { readFleet, readGames, readReadiness } from './api.js';
import { makeDeadLetters } from './dead-letters.js';
import { h } from './dom.js';
import { makeEventFeed } from './event-feed.js';
import { makeFleetFilters } from './fleet-filters.js';
import { makeFleetSummary } from './fleet-summary.js';
import { makeFleetTable, ROWS_A_PAGE } from './fleet-table.js';
import { fleetHref } from './route.js';
import { makeSettler } from './settler.js';
import { wordOfEvent } from './words.js';

/** @import { FleetFilter, View } from './types.d.ts' */

/** What an event changes is shown at once; this is for what it means to the rest. */
const PACE = { afterMs: 400, everyMs: 2_000 };
/** Readiness has Redis write a key and asks Docker; dead letters are for the next hours. */
const SELDOM_MS = 15_000;

/**
 * The fleet: a summary, and a list of games to search.
 *
 * @param {FleetFilter} first
 * @returns {View & { setFilter(filter: FleetFilter): Promise<void> }}
 */
export function makeFleetView(first) {
  let filter = first;
  let asked = 0;
  let seldomAt = Number.NEGATIVE_INFINITY;
  const change = (/** @type {Partial<FleetFilter>} */ changed) => {
    location.hash = fleetHref({ ...filter, ...changed });
  };
  const summary = makeFleetSummary();
  const filters = makeFleetFilters(change);
  const table = makeFleetTable(change);
  const letters = makeDeadLetters();
  const feed = makeEventFeed();

  async function showGames() {
    asked += 1;
    const mine = asked;
    const { text, status, health, order, page } = filter;
    const query = new URLSearchParams({
      order,
      limit: String(ROWS_A_PAGE),
      offset: String(page * ROWS_A_PAGE),
    });
    for (const [name, value] of Object.entries({ text, status, health }))
      if (value !== '') query.set(name, value);
    const found = await readGames(query);
    // An answer to an earlier question may come later.
    if (mine !== asked) return;
    table.show(found, filter);
    performance.mark('games-shown');
  }

  async function refreshGames() {
    await Promise.all([showGames(), readFleet().then((counts) => summary.showCounts(counts))]);
  }

  async function refreshRest() {
    if (performance.now() - seldomAt < SELDOM_MS) return;
    seldomAt = performance.now();
    await Promise.all([
      letters.refresh(),
      readReadiness().then((readiness) => summary.showReadiness(readiness)),
    ]);
  }

  const { settle, dispose } = makeSettler(refreshGames, PACE);
  filters.show(filter);
  return {
    element: h(
      'div',
      { class: 'fleet' },
      h('h1', { class: 'visually-hidden' }, 'Fleet'),
      summary.element,
      h('section', { class: 'games', 'aria-label': 'Games' }, filters.element, table.element),
      letters.element,
      feed.element,
    ),
    async refresh() {
      await Promise.all([refreshGames(), refreshRest()]);
    },
    setFilter(next) {
      filter = next;
      filters.show(filter);
      return showGames();
    },
    onHealth(event) {
      const [, , health] = wordOfEvent(event.event_type);
      table.flashHealth(event.game_id, health);
      feed.addHealth(event);
      settle();
    },
    onOperation(operation) {
      // The steps of a restart are told with it.
      if (operation.parent_operation_id !== null) return;
      table.flashOperation(operation);
      if (operation.status === 'finished') feed.addOperation(operation);
      settle();
    },
    dispose() {
      dispose();
      filters.dispose();
    },
  };
}
