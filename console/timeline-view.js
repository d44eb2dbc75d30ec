import { h, setChildren } from './dom.js';
import { formatTime } from './format.js';

/** @import { TimelineEntry } from './types.d.ts' */

const KIND_WORD = { operation: 'operation', health: 'health', docker: 'Docker' };

/** Shows a timeline. An entry that stays keeps its place, its focus, and whether it is open. */
export function makeTimelineView() {
  /** @type {Map<string, { text: string, element: HTMLElement }>} */
  let shown = new Map();
  const list = h('ol', { class: 'timeline' });
  const empty = h('p', { class: 'faint', hidden: true }, 'Nothing has happened yet.');
  return {
    element: h('div', {}, list, empty),
    /** @param {readonly TimelineEntry[]} entries */
    show(entries) {
      shown = new Map(
        entries.map((entry) => {
          const text = JSON.stringify(entry);
          const before = shown.get(entry.key);
          return [entry.key, before?.text === text ? before : { text, element: makeEntry(entry) }];
        }),
      );
      setChildren(
        list,
        [...shown.values()].map((one) => one.element),
      );
      empty.hidden = entries.length > 0;
    },
  };
}

/** @param {TimelineEntry} entry */
function makeEntry({ at, kind, tone, title, text, facts, lines }) {
  const date = new Date(at);
  return h(
    'li',
    { 'data-tone': tone, 'data-kind': kind },
    h('time', { datetime: date.toISOString(), title: date.toISOString() }, formatTime(at)),
    h(
      'div',
      {},
      h('p', { class: 'what' }, title, ' ', h('span', { class: 'kind' }, KIND_WORD[kind])),
      ...(text ? [h('p', { class: 'why' }, text)] : []),
      ...(lines.length > 0
        ? [
            h(
              'details',
              { open: tone === 'bad' },
              h(
                'summary',
                {},
                lines.length === 1 ? 'Last line of its log' : `Last ${lines.length} lines of its log`,
              ),
              h('pre', { class: 'log', tabindex: 0 }, lines.join('\n')),
            ),
          ]
        : []),
      h(
        'dl',
        { class: 'facts' },
        ...facts.flatMap(([name, value]) => [h('div', {}, h('dt', {}, name), h('dd', {}, value))]),
      ),
    ),
  );
}
