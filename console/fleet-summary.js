import { h, setChildren } from './dom.js';
import { formatCount, formatDuration } from './format.js';
import { fleetHref } from './route.js';
import { wordOfHealth } from './words.js';

/** @import { FleetCounts, FleetFilter, Readiness, Tone } from './types.d.ts' */

const CHECKS = ['postgres', 'redis', 'docker', 'network', 'state_root'];

/** The fleet in a few numbers, each of which leads to its games. */
export function makeFleetSummary() {
  const attention = makeTile('Need attention', { health: 'attention' });
  const running = makeTile('Running', { status: 'running' });
  const stopped = makeTile('Stopped', { status: 'stopped' });
  const queue = makeTile('Operations waiting', undefined);
  const healths = h('ul', { class: 'healths' });
  const checks = h(
    'ul',
    { class: 'checks' },
    ...CHECKS.map((name) => h('li', { 'data-tone': 'quiet' }, name)),
  );

  return {
    element: h(
      'section',
      { class: 'summary', 'aria-label': 'Overview' },
      h('div', { class: 'tiles' }, ...[attention, running, stopped, queue].map((tile) => tile.element)),
      h(
        'div',
        { class: 'summary-lists' },
        h('div', {}, h('h2', {}, 'Health of running games'), healths),
        h('div', {}, h('h2', {}, 'Readiness'), checks),
      ),
    ),

    /** @param {FleetCounts} counts */
    showCounts({ games, queue: { queued, running: underWay, oldest_queued_at: oldest } }) {
      /** @param {(group: FleetCounts['games'][number]) => boolean} isCounted */
      const count = (isCounted) => games.filter(isCounted).reduce((sum, group) => sum + group.games, 0);
      const alarming = count((group) => group.attention);
      attention.show(alarming, alarming > 0 ? 'bad' : 'good');
      running.show(count((group) => group.status === 'running'));
      stopped.show(count((group) => group.status === 'stopped'));
      const waits = oldest ? `, the oldest for ${formatDuration(Date.now() - Date.parse(oldest))}` : '';
      queue.show(queued, undefined, `${formatCount(underWay)} under way${waits}`);
      const present = games.filter((group) => group.status === 'running').map((group) => group.health);
      setChildren(
        healths,
        [...new Set(present)].sort().map((health) => {
          const [word, tone] = wordOfHealth(health);
          const number = count((group) => group.status === 'running' && group.health === health);
          const href = fleetHref({ status: 'running', health: health ?? 'none' });
          return h('li', { 'data-tone': tone }, h('a', { href }, `${formatCount(number)} ${word}`));
        }),
      );
    },

    /** @param {Readiness} readiness */
    showReadiness(readiness) {
      setChildren(
        checks,
        Object.entries(readiness.checks).map(([name, { status, message, warnings, duration_ms: ms }]) => {
          const tone = status === 'failed' ? 'bad' : warnings ? 'warn' : 'good';
          const details = message ?? warnings?.join(' ');
          return h('li', { 'data-tone': tone, title: `${ms} ms` }, details ? `${name}: ${details}` : name);
        }),
      );
    },
  };
}

/**
 * @param {string} name
 * @param {Partial<FleetFilter> | undefined} filter
 */
function makeTile(name, filter) {
  const number = h('strong', {}, '–');
  const more = h('small', {});
  const parts = [number, h('span', {}, name), more];
  const element = filter
    ? h('a', { class: 'tile', href: fleetHref(filter) }, ...parts)
    : h('div', { class: 'tile' }, ...parts);
  return {
    element,
    /**
     * @param {number} count
     * @param {Tone} [tone]
     * @param {string} [text]
     */
    show(count, tone = 'quiet', text = '') {
      number.textContent = formatCount(count);
      more.textContent = text;
      element.dataset.tone = tone;
    },
  };
}
