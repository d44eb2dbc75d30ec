import { byId, h } from './dom.js';

/** @import { Tone } from './types.d.ts' */

const KEPT_MS = 8_000;

/**
 * Says something at the edge of the page, read out by screen readers. A failure stays until it is closed.
 *
 * @param {string} title
 */
export function openToast(title) {
  const text = h('p', { class: 'toast-text' });
  const close = h(
    'button',
    { type: 'button', class: 'quiet', 'aria-label': 'Close', click: () => element.remove() },
    '×',
  );
  const element = h(
    'div',
    { class: 'toast', 'data-tone': 'busy' },
    h('div', {}, h('strong', {}, title), text),
    close,
  );
  byId('toasts').append(element);

  return {
    /**
     * @param {string} said
     * @param {Tone} tone anything but `busy` is the last word
     */
    say(said, tone) {
      text.textContent = said;
      element.dataset.tone = tone;
      if (tone === 'good' || tone === 'quiet') setTimeout(() => element.remove(), KEPT_MS);
    },
  };
}
