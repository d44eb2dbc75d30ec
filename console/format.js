const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});
const dated = new Intl.DateTimeFormat(undefined, {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});
const number = new Intl.NumberFormat('en');

/** @param {number} count */
export const formatCount = (count) => number.format(count);

/**
 * @param {number | string} at milliseconds since the epoch, or a date as text
 * @returns {string} date and time, of today the time alone
 */
export function formatTime(at) {
  const date = new Date(at);
  return date.toDateString() === new Date().toDateString() ? clock.format(date) : dated.format(date);
}

const UNITS = /** @type {const} */ ([
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
]);

/**
 * @param {number} ms
 * @returns {string} the two largest units, such as `3 d 4 h`
 */
export function formatDuration(ms) {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  const parts = [];
  let rest = ms;
  for (const [unit, length] of UNITS) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0 || parts.length > 0) parts.push(`${count} ${unit}`);
    if (parts.length === 2) break;
  }
  return parts.filter((part) => !part.startsWith('0 ')).join(' ');
}

/** @param {string} at a date as text */
export function formatAge(at) {
  const ms = Date.now() - Date.parse(at);
  if (ms < 10_000) return 'just now';
  const [unit, length] = UNITS.find(([, least]) => ms >= least) ?? UNITS[3];
  return `${Math.floor(ms / length)} ${unit} ago`;
}

/** @param {string | null} id */
export const shortId = (id) => (id === null ? '–' : id.slice(0, 12));

/** @param {number} bytes */
export function formatBytes(bytes) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${units[power]}`;
}
