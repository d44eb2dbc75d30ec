import { formatDuration, shortId } from './format.js';
import { wordOfEvent, wordOfOperation, wordOfSource } from './words.js';

/** @import { ContainerView, Operation, TimelineEntry, HealthEventFrame } from './types.d.ts' */

/**
 * Operations, health events and what Docker shows, as one story, newest first.
 *
 * @param {object} sources
 * @param {readonly Operation[]} sources.operations
 * @param {readonly HealthEventFrame[]} sources.events
 * @param {readonly ContainerView[]} sources.containers
 * @returns {TimelineEntry[]}
 */
export function buildTimeline({ operations, events, containers }) {
  const ends = operations.flatMap((operation) => endFound(operation) ?? []);
  // What was kept of an end has its last lines too, and Docker tells of it no more than that.
  const known = new Set(operations.filter((one) => one.exit_evidence).map((one) => one.container_id));
  return [
    ...operations.map(entryOfOperation),
    ...events.map(entryOfEvent),
    ...ends,
    ...containers.flatMap((container) => entriesOfContainer(container, known.has(container.container_id))),
  ].toSorted((left, right) => right.at - left.at || left.key.localeCompare(right.key));
}

/**
 * @param {Operation} operation
 * @returns {TimelineEntry}
 */
function entryOfOperation(operation) {
  const { operation_id: id, started_at: started, finished_at: finished, requested_at: requested } = operation;
  const [title, tone] = wordOfOperation(operation);
  const isInner = operation.parent_operation_id !== null;
  return {
    key: `operation ${id}`,
    at: Date.parse(finished ?? started ?? requested),
    kind: 'operation',
    tone,
    title,
    text: operation.error_message ?? '',
    facts: facts({
      'asked for by': isInner ? 'the operation above' : wordOfSource(operation.op_source),
      image: operation.image_ref,
      reason: operation.reason,
      took: started && finished && formatDuration(Date.parse(finished) - Date.parse(started)),
      attempts: operation.attempt > 1 ? String(operation.attempt) : null,
      container: operation.container_id && shortId(operation.container_id),
      operation: id,
    }),
    lines: [],
  };
}

/**
 * @param {HealthEventFrame} event
 * @returns {TimelineEntry}
 */
function entryOfEvent(event) {
  const [title, tone] = wordOfEvent(event.event_type);
  const told = Object.entries(event.details).map(([name, value]) => [
    name.replaceAll('_', ' '),
    value === null || typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return {
    key: eventKey(event),
    at: Date.parse(event.occurred_at),
    kind: 'health',
    tone,
    title,
    text: '',
    facts: facts({ ...Object.fromEntries(told), container: shortId(event.container_id) }),
    lines: [],
  };
}

/**
 * The same event has the same key, whether it is told live or read later.
 *
 * @param {HealthEventFrame} event
 */
export const eventKey = ({ container_id: container, event_type: type, occurred_at: at }) =>
  `event ${container} ${type} ${at}`;

/**
 * The end of a container as it was found by an operation, by the daemon's clock.
 *
 * @param {Operation} operation
 * @returns {TimelineEntry | undefined}
 */
function endFound({
  operation_id: id,
  exit_evidence: evidence,
  container_id: container,
  finished_at: finished,
}) {
  if (!evidence) return undefined;
  return {
    key: `end ${id}`,
    at: Date.parse(evidence.finished_at ?? finished ?? ''),
    kind: 'docker',
    tone: evidence.oom_killed || evidence.exit_code !== 0 ? 'bad' : 'quiet',
    title: describeEnd(evidence.exit_code, evidence.oom_killed),
    text: evidence.last_log_lines === null ? 'Its log could not be read.' : '',
    facts: facts({ container: container && shortId(container) }),
    lines: evidence.last_log_lines ?? [],
  };
}

/**
 * @param {ContainerView} container
 * @param {boolean} isEndKnown
 * @returns {TimelineEntry[]}
 */
function entriesOfContainer(container, isEndKnown) {
  const id = container.container_id;
  const about = {
    container: shortId(id),
    name: container.name,
    image: container.image_ref,
    owned: container.owned ? null : 'no: not made by Runtime Manager',
    recorded: container.recorded ? null : 'no: not the container on record',
    state: container.state,
  };
  const one = { kind: /** @type {const} */ ('docker'), text: '', facts: facts(about), lines: [] };
  /** @type {TimelineEntry[]} */
  const entries = [];
  if (container.started_at) {
    const at = Date.parse(container.started_at);
    entries.push({
      ...one,
      key: `docker start ${id}`,
      at,
      tone: 'quiet',
      title: 'Docker started the container',
    });
  }
  if (container.finished_at && container.exit_code !== null && !isEndKnown) {
    const at = Date.parse(container.finished_at);
    const tone = container.exit_code === 0 ? 'quiet' : 'bad';
    entries.push({
      ...one,
      key: `docker end ${id}`,
      at,
      tone,
      title: describeEnd(container.exit_code, false),
    });
  }
  return entries;
}

/**
 * @param {number} code
 * @param {boolean} isOutOfMemory
 */
function describeEnd(code, isOutOfMemory) {
  const why = isOutOfMemory
    ? 'killed for want of memory'
    : code > 128
      ? `killed by signal ${code - 128}`
      : '';
  return `Container ended with exit code ${code}${why && `, ${why}`}`;
}

/**
 * @param {Record<string, string | null>} named
 * @returns {[string, string][]} those that have a value
 */
const facts = (named) => Object.entries(named).flatMap(([name, value]) => (value ? [[name, value]] : []));
