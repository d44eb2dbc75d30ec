import { ApiError } from './api.js';
import { byId, setChildren } from './dom.js';
import { makeFleetView } from './fleet-view.js';
import { makeGameView } from './game-view.js';
import { listenToKeys } from './keyboard.js';
import { listenToEvents } from './live.js';
import { parseRoute } from './route.js';

/** @import { Route } from './route.js' */
/** @import { View } from './types.d.ts' */

/** Not everything is told by an event: a stop is not. And what an event told is put right by the next look. */
const LOOK_EVERY_MS = 5_000;

/** @type {ReturnType<typeof makeFleetView> | undefined} */
let fleet;
/** @type {View | undefined} */
let shown;

/** Shows what the address says. The fleet stays the same while only its filter changes, so that typing goes on. */
function show() {
  const route = parseRoute(location.hash);
  if (route.view === 'fleet' && fleet && shown === fleet) return void attempt(fleet.setFilter(route.filter));
  shown?.dispose();
  fleet = route.view === 'fleet' ? makeFleetView(route.filter) : undefined;
  shown = fleet ?? makeGameView(/** @type {Extract<Route, { view: 'game' }>} */ (route).gameId);
  document.title = route.view === 'game' ? `${route.gameId} · Runtime Manager` : 'Runtime Manager';
  setChildren(byId('main'), [shown.element]);
  scrollTo(0, 0);
  void attempt(shown.refresh());
}

/**
 * Says what goes wrong at the top of the page, until it goes right again.
 *
 * @param {Promise<void>} work
 */
async function attempt(work) {
  const trouble = byId('trouble');
  try {
    await work;
    trouble.hidden = true;
  } catch (error) {
    trouble.textContent = describe(error);
    trouble.hidden = false;
  }
}

/** @param {unknown} error */
function describe(error) {
  if (error instanceof ApiError && error.status === 401)
    return 'The password is no longer the right one. Load the page again.';
  if (error instanceof ApiError) return error.message;
  return 'Runtime Manager does not answer. It is asked again every few seconds.';
}

function look() {
  if (!document.hidden && shown) void attempt(shown.refresh());
}

// The address is the route, so the link can not be one to a place of the page.
byId('skip').addEventListener('click', (event) => {
  event.preventDefault();
  byId('main').focus();
});
window.addEventListener('hashchange', show);
document.addEventListener('visibilitychange', look);
setInterval(look, LOOK_EVERY_MS);
listenToKeys();
listenToEvents({
  onHealth: (event) => shown?.onHealth(event),
  onOperation: (operation) => shown?.onOperation(operation),
  onGap: look,
  onState(state) {
    const live = byId('live');
    live.dataset.state = state;
    live.textContent = { connecting: 'connecting', live: 'live', off: 'no live events' }[state];
  },
});
show();
