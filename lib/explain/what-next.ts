import { formatDurationMs } from '../duration.ts';
import { OP_KIND_OF } from '../reconcile-plan.ts';
import { type Facts, headOf, type UnfinishedOperation } from './facts.ts';
import { intentOf } from './intent.ts';

/** Stable; openapi/rtmanager.yaml has the same list. */
export const NEXT_ACTIONS = [
  'run_operation',
  'retry_operation',
  'finish_operation',
  'take_over_operation',
  'wait_for_docker',
  'repair_record',
  'remove_leftover',
  'hold_record',
  'keep_probing',
  'remove_container',
  'nothing',
] as const;
export type NextAction = (typeof NEXT_ACTIONS)[number];

/** What Runtime Manager does next about a game, if nobody asks it for anything. */
export interface Next {
  readonly action: NextAction;
  /** When, epoch milliseconds; null for as soon as it can, or where no time can be told. */
  readonly at: number | null;
  /** For a person. */
  readonly message: string;
}

export function whatNext(facts: Facts): Next {
  const head = headOf(facts);
  return (head ? nextOf(head, facts) : (nextRepair(facts) ?? nextCare(facts))) ?? NOTHING;
}

const NOTHING: Next = { action: 'nothing', at: null, message: 'Nothing: it waits for a request.' };

function nextOf(
  { opKind, status, notBefore, leaseUntil }: UnfinishedOperation,
  { nowMs, redisTrouble, docker, config }: Facts,
): Next {
  if (status === 'queued') {
    const waits = redisTrouble === null ? '' : ', as soon as Redis can be used';
    return notBefore !== null && notBefore > nowMs
      ? { action: 'retry_operation', at: notBefore, message: `It runs the ${opKind} again${waits}.` }
      : {
          action: 'run_operation',
          at: null,
          message: `It runs the ${opKind}${waits || ', as soon as a replica has room for it'}.`,
        };
  }
  if (leaseUntil !== null && leaseUntil <= nowMs) {
    return {
      action: 'take_over_operation',
      at: null,
      message: `Another replica takes over the ${opKind}, within seconds.`,
    };
  }
  const pull =
    docker.missingImage !== null
      ? `, when its image is here; the pull is given up after ${formatDurationMs(config.image.pullTimeoutMs)}`
      : '';
  return {
    action: 'finish_operation',
    at: null,
    message: `It ends the ${opKind}${pull}. If its replica dies, another one takes over when the lease has run out.`,
  };
}

function nextRepair({ docker, record, step, held, config }: Facts): Next | null {
  const within = formatDurationMs(config.reconcile.intervalMs);
  if (docker.trouble !== null && record?.status === 'running') {
    return { action: 'wait_for_docker', at: null, message: 'It looks at the container when Docker answers.' };
  }
  if (held) {
    const until =
      held === 'brake'
        ? 'fewer games are missing than the brake allows'
        : 'the daemon is the right one, or has been there for long';
    return { action: 'hold_record', at: null, message: `It leaves the record as it is until ${until}.` };
  }
  if (step?.action === 'remove_container') {
    return {
      action: 'remove_leftover',
      at: null,
      message: `It removes the other container within ${within}.`,
    };
  }
  return step && step.action !== 'skip_busy' && OP_KIND_OF[step.action]
    ? {
        action: 'repair_record',
        at: null,
        message: `It brings the record in step (${OP_KIND_OF[step.action]}): at once when Docker tells of it, within ${within} in any case.`,
      }
    : null;
}

function nextCare(facts: Facts): Next | null {
  const { record, probe, config } = facts;
  if (record?.status === 'running') {
    const every = formatDurationMs(config.probe.intervalMs);
    const restarts = 'Runtime Manager restarts no engine by itself';
    return {
      action: 'keep_probing',
      at: null,
      message: `It asks the engine every ${every}${probe?.told ? `, and tells when it answers again. ${restarts}` : ''}.`,
    };
  }
  if (record?.status !== 'stopped') return null;
  const starts = intentOf(facts).desired === 'running' ? 'It does not start the game again by itself. ' : '';
  return {
    action: 'remove_container',
    at: record.lastOpAt + config.cleanup.containerRetentionMs,
    message: `${starts}It keeps the container, with its log, until it is old (RTMANAGER_CONTAINER_RETENTION_DAYS).`,
  };
}
