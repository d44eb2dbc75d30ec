import { h } from './dom.js';

/** Names and values, one a line. */
export function makeFactList() {
  const element = h('dl', { class: 'fact-list' });
  return {
    element,
    /** @param {Record<string, string | null>} facts those without a value are left out */
    show(facts) {
      const given = Object.entries(facts).flatMap(([name, value]) =>
        value === null ? [] : [{ name, value }],
      );
      element.replaceChildren(
        ...given.map(({ name, value }) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
      );
    },
  };
}
