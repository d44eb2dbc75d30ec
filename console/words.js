/** @import { Tone } from './types.d.ts' */

/** @type {Record<string, [word: string, tone: Tone]>} */
const STATUS = { running: ['running', 'good'], stopped: ['stopped', 'quiet'], removed: ['removed', 'quiet'] };

/** @type {Record<string, [word: string, tone: Tone]>} */
const HEALTH = {
  healthy: ['healthy', 'good'],
  exited: ['exited', 'bad'],
  oom: ['out of memory', 'bad'],
  container_disappeared: ['container gone', 'bad'],
  inspect_unhealthy: ['unhealthy', 'warn'],
  probe_failed: ['not answering', 'warn'],
  none: ['not seen yet', 'quiet'],
};
export const HEALTHS = Object.keys(HEALTH);

/** @type {Record<string, [word: string, tone: Tone, health: string]>} */
const EVENT = {
  container_started: ['Container started', 'good', 'healthy'],
  container_exited: ['Container exited', 'bad', 'exited'],
  container_oom: ['Out of memory', 'bad', 'oom'],
  container_disappeared: ['Container disappeared', 'bad', 'container_disappeared'],
  inspect_unhealthy: ['Container is unhealthy', 'warn', 'inspect_unhealthy'],
  probe_failed: ['Engine does not answer', 'warn', 'probe_failed'],
  probe_recovered: ['Engine answers again', 'good', 'healthy'],
};
export const EVENT_TYPES = Object.keys(EVENT);

/** @type {Record<string, [word: string, done: string]>} */
const KIND = {
  start: ['Start', 'Started'],
  stop: ['Stop', 'Stopped'],
  restart: ['Restart', 'Restarted'],
  patch: ['Patch', 'Patched'],
  cleanup_container: ['Cleanup', 'Cleaned up'],
  reconcile_adopt: ['Adoption', 'Found running, and recorded so'],
  reconcile_dispose: ['Removal from the record', 'Found gone, and recorded so'],
  reconcile_exit: ['Correction of the record', 'Found ended, and recorded so'],
};

/** @type {Record<string, string>} */
const SOURCE = {
  lobby_stream: 'Game Lobby',
  gm_rest: 'Game Master',
  admin_rest: 'an administrator',
  auto_ttl: 'age',
  auto_reconcile: 'reconcile',
};

// A word that a newer version has introduced is shown as it stands.

/** @param {string} status */
export const wordOfStatus = (status) => STATUS[status] ?? /** @type {const} */ ([status, 'quiet']);
/** @param {string | null} health */
export const wordOfHealth = (health) =>
  HEALTH[health ?? 'none'] ?? /** @type {const} */ ([health ?? '', 'warn']);
/** @param {string} type */
export const wordOfEvent = (type) => EVENT[type] ?? /** @type {const} */ ([type, 'quiet', type]);
/** @param {string} source */
export const wordOfSource = (source) => SOURCE[source] ?? source;

/**
 * @param {{ op_kind: string, status: string, outcome: string | null, error_code: string | null }} operation
 * @returns {readonly [word: string, tone: Tone]}
 */
export function wordOfOperation({ op_kind: kind, status, outcome, error_code: code }) {
  const [word, done] = KIND[kind] ?? [kind, `${kind} done`];
  if (status !== 'finished')
    return [`${word} ${status === 'queued' ? 'waits for its turn' : 'is running'}`, 'busy'];
  if (outcome === 'failure') return [`${word} failed: ${code}`, 'bad'];
  return code === 'replay_no_op' ? [`${word}: nothing to do`, 'quiet'] : [done, 'good'];
}
