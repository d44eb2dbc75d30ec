import { badge } from './badge.js';
import { h, setChildren } from './dom.js';
import { formatAge, formatCount, formatDuration, formatTime } from './format.js';
import { gameHref } from './route.js';
import { wordOfHealth, wordOfOperation, wordOfStatus } from './words.js';

/** @import { FleetFilter, FleetRow, OperationFrame } from './types.d.ts' */

export const ROWS_A_PAGE = 50;

/** @type {readonly (readonly [name: string, order: string | undefined])[]} */
const COLUMNS = [
  ['Game', 'game'],
  ['Status', undefined],
  ['Health', 'attention'],
  ['Image', undefined],
  ['Uptime', 'uptime'],
  ['Last operation', 'changed'],
];

/**
 * One page of games. The service sorts, searches and counts, so a page costs the same with 10,000 games.
 *
 * @param {(change: Partial<FleetFilter>) => void} onChange
 */
export function makeFleetTable(onChange) {
  /** @type {Map<string, ReturnType<typeof makeRow>>} */
  let rows = new Map();
  let page = 0;
  const body = h('tbody', {});
  const heads = COLUMNS.map(([name, order]) => ({
    order,
    element: h(
      'th',
      { scope: 'col' },
      order ? h('button', { type: 'button', click: () => onChange({ order, page: 0 }) }, name) : name,
    ),
  }));
  const elsewhere = h(
    'button',
    { type: 'button', click: () => onChange({ status: 'any' }) },
    'Look among removed games',
  );
  const empty = h('p', { class: 'empty', hidden: true }, 'No game matches. ', elsewhere);
  const count = h('span', { role: 'status' });
  const turn = (/** @type {number} */ by) => () => onChange({ page: page + by });
  const previous = h('button', { type: 'button', click: turn(-1) }, 'Previous');
  const next = h('button', { type: 'button', click: turn(+1) }, 'Next');

  return {
    element: h(
      'div',
      { class: 'fleet-table' },
      h('table', {}, h('thead', {}, h('tr', {}, ...heads.map((one) => one.element))), body),
      empty,
      h('div', { class: 'pager' }, count, previous, next),
    ),

    /**
     * @param {{ total: number, items: readonly FleetRow[] }} found
     * @param {FleetFilter} filter
     */
    show({ total, items }, filter) {
      page = filter.page;
      // A game that stays keeps its row, and with it the focus.
      rows = new Map(items.map((item) => [item.game_id, rows.get(item.game_id) ?? makeRow(item.game_id)]));
      for (const item of items) rows.get(item.game_id)?.show(item);
      setChildren(
        body,
        [...rows.values()].map((row) => row.element),
      );
      for (const { order, element } of heads) {
        element.ariaSort = order === filter.order ? (order === 'game' ? 'ascending' : 'descending') : null;
      }
      const first = page * ROWS_A_PAGE;
      empty.hidden = items.length > 0;
      elsewhere.hidden = filter.status !== '';
      count.textContent =
        items.length > 0
          ? `${formatCount(first + 1)}–${formatCount(first + items.length)} of ${formatCount(total)}`
          : `${formatCount(total)} games`;
      previous.disabled = page === 0;
      next.disabled = first + items.length >= total;
    },

    /**
     * @param {string} gameId
     * @param {string} health as an event has just told
     */
    flashHealth(gameId, health) {
      rows.get(gameId)?.flashHealth(health);
    },

    /** @param {OperationFrame} operation */
    flashOperation(operation) {
      rows.get(operation.game_id)?.flashOperation(operation);
    },
  };
}

/** @param {string} gameId */
function makeRow(gameId) {
  const cell = (/** @type {string} */ name) => h('td', { 'data-name': name });
  const [status, health, image] = [cell('Status'), cell('Health'), cell('Image')];
  const [uptime, last] = [cell('Uptime'), cell('Last operation')];
  const link = h('a', { href: gameHref(gameId), class: 'row-link' }, gameId);
  const element = h('tr', {}, h('th', { scope: 'row' }, link), status, health, image, uptime, last);

  /** @param {NonNullable<FleetRow['last_operation']>} operation */
  function showOperation(operation) {
    const [text, tone] = wordOfOperation(operation);
    last.replaceChildren(
      h('span', { 'data-tone': tone, class: 'outcome', title: formatTime(operation.at) }, text),
      ' ',
      h('span', { class: 'faint' }, formatAge(operation.at)),
    );
  }

  function flash() {
    element.classList.remove('flash');
    // Read on purpose: without it the browser would not begin the animation again.
    void element.offsetWidth;
    element.classList.add('flash');
  }

  return {
    element,
    /** @param {FleetRow} row */
    show(row) {
      element.toggleAttribute('data-attention', row.attention);
      status.replaceChildren(badge(wordOfStatus(row.status)));
      // What was last seen of a game that was stopped on request says nothing any more.
      showIn(health, row.status === 'running' || row.attention ? badge(wordOfHealth(row.health)) : null);
      image.replaceChildren(h('span', { class: 'image' }, row.image_ref));
      const startedAt = row.status === 'running' ? row.started_at : null;
      showIn(uptime, startedAt && formatDuration(Date.now() - Date.parse(startedAt)));
      if (row.last_operation) showOperation(row.last_operation);
      else last.replaceChildren(h('span', { class: 'faint' }, formatAge(row.last_op_at)));
    },
    /** @param {string} told */
    flashHealth(told) {
      showIn(health, badge(wordOfHealth(told)));
      flash();
    },
    /** @param {OperationFrame} operation */
    flashOperation(operation) {
      showOperation({ ...operation, at: operation.occurred_at });
      flash();
    },
  };
}

/**
 * @param {HTMLElement} cell
 * @param {Node | string | null} content null for a cell that has nothing to say
 */
function showIn(cell, content) {
  cell.toggleAttribute('data-empty', content === null);
  cell.replaceChildren(content ?? '–');
}
