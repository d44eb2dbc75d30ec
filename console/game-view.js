import { ApiError, readExplanation, readOperations, readRuntime } from './api.js';
import { badge } from './badge.js';
import { h } from './dom.js';
import { makeExplainPane } from './explain-pane.js';
import { makeFactList } from './fact-list.js';
import { formatAge, formatDuration, formatTime, shortId } from './format.js';
import { makeGameActions } from './game-actions.js';
import { makeLogPane } from './log-pane.js';
import { makeMeasurePane } from './measure-pane.js';
import { makeSettler } from './settler.js';
import { buildTimeline, eventKey } from './timeline.js';
import { makeTimelineView } from './timeline-view.js';
import { wordOfEvent, wordOfHealth, wordOfStatus } from './words.js';

/** @import { ContainerView, HealthEventFrame, Operation, Runtime, View } from './types.d.ts' */

/** What an event changes is shown at once; this is for what it means to the rest. */
const PACE = { afterMs: 50, everyMs: 300 };

/**
 * One game: what it is, what happened to it, and what can be done.
 *
 * @param {string} gameId
 * @returns {View}
 */
export function makeGameView(gameId) {
  /** @type {Map<string, Operation>} */
  const operations = new Map();
  /** @type {Map<string, HealthEventFrame>} */
  const events = new Map();
  /** @type {readonly ContainerView[]} */
  let containers = [];
  /** @type {string | null | undefined} */
  let older;
  let lastSeen = '';

  const badges = h('span', { class: 'badges' });
  const facts = makeFactList();
  const explain = makeExplainPane();
  const timeline = makeTimelineView();
  const more = h('button', { type: 'button', hidden: true, click: showOlder }, 'Show older operations');
  const logs = makeLogPane(gameId);
  const actions = makeGameActions(gameId, () => settle());

  const showTimeline = () =>
    timeline.show(
      buildTimeline({ operations: [...operations.values()], events: [...events.values()], containers }),
    );

  async function showOlder() {
    if (!older) return;
    more.disabled = true;
    // What fails here is there for another try.
    await takeOperations(older).catch(() => undefined);
    more.disabled = false;
    showTimeline();
  }

  /** @param {string | null} cursor */
  async function takeOperations(cursor = null) {
    const page = await orNothing(readOperations(gameId, cursor), { items: [], next_cursor: null });
    for (const one of page.items) operations.set(one.operation_id, one);
    // The first page of a later look does not say where the oldest known operation is.
    if (cursor !== null || older === undefined) older = page.next_cursor;
    more.hidden = !older;
  }

  async function takeExplanation() {
    try {
      const explanation = await readExplanation(gameId);
      explain.show(explanation);
      containers = explanation.docker.containers;
      for (const event of explanation.health_events) events.set(eventKey(event), event);
    } catch (error) {
      explain.showTrouble(error);
    }
  }

  async function refresh() {
    const [runtime] = await Promise.all([orNothing(readRuntime(gameId), undefined), takeOperations()]);
    actions.show(runtime);
    badges.replaceChildren(
      badge(runtime ? wordOfStatus(runtime.status) : ['not on record', 'quiet']),
      ...(runtime?.status === 'running' || runtime?.health
        ? [badge(wordOfHealth(runtime.health?.status ?? null))]
        : []),
    );
    facts.show(runtime ? factsOf(runtime) : {});
    showTimeline();
    // It asks Docker, so only when there is something new to explain.
    const seen = JSON.stringify([
      runtime,
      ...[...operations.values()].map((one) => [one.operation_id, one.status]),
    ]);
    if (seen === lastSeen) return;
    lastSeen = seen;
    await takeExplanation();
    showTimeline();
  }

  const { settle, dispose } = makeSettler(refresh, PACE);
  void logs.load();
  return {
    element: h(
      'div',
      { class: 'game' },
      h('div', { class: 'game-head' }, h('div', {}, h('h1', {}, gameId), badges), actions.element),
      explain.element,
      h(
        'div',
        { class: 'columns' },
        h('section', { 'aria-label': 'Timeline' }, h('h2', {}, 'Timeline'), timeline.element, more),
        h(
          'div',
          {},
          h('section', { 'aria-label': 'Record' }, h('h2', {}, 'Record'), facts.element),
          makeMeasurePane(gameId).element,
        ),
      ),
      logs.element,
    ),
    refresh,
    onHealth(event) {
      if (event.game_id !== gameId) return;
      events.set(eventKey(event), event);
      const [, , health] = wordOfEvent(event.event_type);
      badges.lastElementChild?.replaceWith(badge(wordOfHealth(health)));
      showTimeline();
      settle();
    },
    onOperation(operation) {
      if (operation.game_id === gameId) settle();
    },
    dispose() {
      dispose();
      logs.dispose();
    },
  };
}

/**
 * @template Value, Instead
 * @param {Promise<Value>} asked
 * @param {Instead} instead where there is nothing of that name
 * @returns {Promise<Value | Instead>}
 */
const orNothing = (asked, instead) =>
  asked.catch((error) => {
    if (error instanceof ApiError && error.status === 404) return instead;
    throw error;
  });

/**
 * @param {Runtime} runtime
 * @returns {Record<string, string | null>}
 */
const factsOf = (runtime) => ({
  Image: runtime.current_image_ref,
  Digest: runtime.image_digest,
  Container: runtime.current_container_id && shortId(runtime.current_container_id),
  Endpoint: runtime.engine_endpoint,
  'State directory': runtime.state_path,
  Network: runtime.docker_network,
  Up:
    runtime.status === 'running' && runtime.started_at
      ? formatDuration(Date.now() - Date.parse(runtime.started_at))
      : null,
  Started: runtime.started_at && formatTime(runtime.started_at),
  Stopped: runtime.stopped_at && formatTime(runtime.stopped_at),
  Removed: runtime.removed_at && formatTime(runtime.removed_at),
  'Last seen':
    runtime.health && `${wordOfHealth(runtime.health.status)[0]}, ${formatAge(runtime.health.observed_at)}`,
  'First recorded': formatTime(runtime.created_at),
});
