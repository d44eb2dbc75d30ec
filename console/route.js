/** @import { FleetFilter } from './types.d.ts' */

/** @typedef {{ view: 'fleet', filter: FleetFilter } | { view: 'game', gameId: string }} Route */

/** @type {FleetFilter} */
const EVERYTHING = { text: '', status: '', health: '', order: 'attention', page: 0 };

/**
 * What an address shows. One that nothing was made for shows the fleet.
 *
 * @param {string} hash
 * @returns {Route}
 */
export function parseRoute(hash) {
  const [, path = '', query = ''] = /^#?([^?]*)\??(.*)$/s.exec(hash) ?? [];
  const [, game] = /^\/games\/(.+)$/s.exec(path) ?? [];
  if (game !== undefined) return { view: 'game', gameId: decode(game) };
  const given = new URLSearchParams(query);
  const page = Number(given.get('page'));
  return {
    view: 'fleet',
    filter: {
      text: given.get('text') ?? EVERYTHING.text,
      status: given.get('status') ?? EVERYTHING.status,
      health: given.get('health') ?? EVERYTHING.health,
      order: given.get('order') ?? EVERYTHING.order,
      page: Number.isInteger(page) && page > 0 ? page : 0,
    },
  };
}

/** @param {string} gameId */
export const gameHref = (gameId) => `#/games/${encodeURIComponent(gameId)}`;

/**
 * @param {Partial<FleetFilter>} filter
 * @returns {string} an address with what differs from showing everything
 */
export function fleetHref(filter) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...EVERYTHING, ...filter })) {
    if (value !== EVERYTHING[/** @type {keyof FleetFilter} */ (name)]) query.set(name, String(value));
  }
  return query.size > 0 ? `#/?${query}` : '#/';
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
