import { readStats } from './api.js';
import { h } from './dom.js';
import { makeFactList } from './fact-list.js';
import { formatBytes, formatTime } from './format.js';

/** @import { Stats } from './types.d.ts' */

/**
 * One measurement, when somebody asks for it: it costs Docker a second.
 *
 * @param {string} gameId
 */
export function makeMeasurePane(gameId) {
  const note = h('p', { class: 'faint', role: 'status' }, 'A measurement takes Docker about a second.');
  const list = makeFactList();
  const button = h('button', { type: 'button', click: measure }, 'Measure');

  async function measure() {
    button.disabled = true;
    note.textContent = 'Measuring …';
    try {
      const stats = await readStats(gameId);
      note.textContent = `At ${formatTime(stats.observed_at)}`;
      list.show(factsOf(stats));
    } catch (error) {
      note.textContent = `It can not be measured: ${error instanceof Error ? error.message : error}`;
    }
    button.disabled = false;
  }

  return {
    element: h(
      'section',
      { 'aria-label': 'Load' },
      h('div', { class: 'section-head' }, h('h2', {}, 'Load'), button),
      note,
      list.element,
    ),
  };
}

/**
 * @param {Stats} stats
 * @returns {Record<string, string>}
 */
const factsOf = (stats) => ({
  CPU: `${stats.cpu_percent.toFixed(1)} % of one core${stats.cpu_quota === null ? '' : `, may use ${stats.cpu_quota}`}`,
  Memory: limited(formatBytes(stats.memory_used_bytes), stats.memory_limit_bytes, formatBytes),
  Processes: limited(String(stats.pids), stats.pids_limit, String),
  Network: `${formatBytes(stats.network_rx_bytes)} in, ${formatBytes(stats.network_tx_bytes)} out`,
  Disk: `${formatBytes(stats.block_read_bytes)} read, ${formatBytes(stats.block_write_bytes)} written`,
});

/**
 * @param {string} used
 * @param {number | null} limit
 * @param {(limit: number) => string} format
 */
const limited = (used, limit, format) => (limit === null ? used : `${used} of ${format(limit)}`);
