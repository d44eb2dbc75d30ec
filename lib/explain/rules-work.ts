import { formatDurationMs } from '../duration.ts';
import { type Facts, headOf, type UnfinishedOperation } from './facts.ts';
import { at, type Found, type Rule } from './rule.ts';

/** What keeps Runtime Manager from going on with the game: first of all rules, for all else waits for it. */
export const OBSTACLE_RULES: readonly Rule[] = [
  {
    code: 'daemon_changed',
    severity: 'problem',
    find: ({ step, held, hold }) =>
      step && held === 'daemon'
        ? {
            message:
              'Docker is another daemon than the records tell of: that it does not show the container proves nothing.',
            evidence: [step.reason, ...(hold ? [`the pass of ${at(hold.observedAt)} found it so too`] : [])],
            advice:
              'Look whether RTMANAGER_DOCKER_HOST names the right daemon. If the new one is meant, wait for two reconcile passes.',
          }
        : null,
  },
  {
    code: 'reconcile_held',
    severity: 'problem',
    find: ({ step, held, hold, config }) =>
      step && hold && held === 'brake'
        ? {
            message: `The game's container is gone, and the dispose brake holds its record: the pass of ${at(hold.observedAt)} would have given up ${hold.wouldDispose} games at once, with ${hold.running} running.`,
            evidence: [
              step.reason,
              `RTMANAGER_RECONCILE_MAX_DISPOSE_SHARE is ${config.reconcile.maxDisposeShare}`,
            ],
            advice:
              'Find out where the containers went (GET /api/v1/internal/reconcile/plan). If they are lost for good, start the games again, each of which ends its hold, or raise the share.',
          }
        : null,
  },
  {
    code: 'docker_away',
    severity: 'problem',
    find: (facts) => (headOf(facts) ? dockerAway(facts) : null),
  },
  {
    code: 'redis_away',
    severity: 'problem',
    find: (facts) => (headOf(facts)?.status === 'queued' ? redisAway(facts) : null),
  },
  {
    code: 'operation_retried',
    severity: 'problem',
    find: (facts) => (headOf(facts)?.status === 'queued' ? operationRetried(facts) : null),
  },
  {
    code: 'replica_lost',
    severity: 'problem',
    find(facts) {
      const head = headOf(facts);
      if (!head?.leaseUntil || head.leaseUntil > facts.nowMs) return null;
      return {
        message: `The replica that ran the ${head.opKind} has not been heard of since its lease ran out at ${at(head.leaseUntil)}; another one takes over.`,
        evidence: [aboutOperation(head)],
        advice:
          'If this lasts for more than seconds, look whether a replica runs and reaches Redis (/readyz).',
      };
    },
  },
];

/** What goes on, and what it waits for. */
export const WORK_RULES: readonly Rule[] = [
  {
    code: 'pull_waiting',
    severity: 'warning',
    find(facts) {
      const head = headOf(facts);
      const { missingImage } = facts.docker;
      if (head?.status !== 'running' || missingImage === null) return null;
      const since = head.startedAt ?? facts.nowMs;
      return {
        message: `The ${head.opKind} has waited for ${formatDurationMs(Math.max(0, facts.nowMs - since))} for the pull of ${missingImage}, which is not on the host yet.`,
        evidence: [aboutOperation(head), `Docker has no image ${missingImage}`],
        advice: `Look whether the registry answers. The pull is given up after ${formatDurationMs(facts.config.image.pullTimeoutMs)}.`,
      };
    },
  },
  { code: 'docker_away', severity: 'warning', find: (facts) => (headOf(facts) ? null : dockerAway(facts)) },
  {
    code: 'redis_away',
    severity: 'warning',
    find: (facts) => (headOf(facts)?.status === 'queued' ? null : redisAway(facts)),
  },
  // The next attempt is under way, and may well succeed.
  {
    code: 'operation_retried',
    severity: 'warning',
    find: (facts) => (headOf(facts)?.status === 'running' ? operationRetried(facts) : null),
  },
  {
    code: 'operation_running',
    severity: 'info',
    find(facts) {
      const head = headOf(facts);
      return head?.status === 'running' ? goesOn(head, `runs since ${at(head.startedAt)}`, facts) : null;
    },
  },
  {
    code: 'operation_waiting',
    severity: 'info',
    find(facts) {
      const head = headOf(facts);
      return head?.status === 'queued' ? goesOn(head, `waits since ${at(head.acceptedAt)}`, facts) : null;
    },
  },
];

function operationRetried(facts: Facts): Found | null {
  const head = headOf(facts);
  if (!head?.lastError) return null;
  const { retryWindowMs } = facts.config.docker;
  const until = head.retryingSince === null ? null : head.retryingSince + retryWindowMs;
  // One that runs is counted from its beginning.
  const failed = head.status === 'running' ? head.attempt - 1 : head.attempt;
  return {
    message: `The ${head.opKind} is tried again: attempt ${failed} failed, because ${head.lastError}.${until === null ? '' : ` It is given up at ${at(until)}.`}`,
    evidence: [
      aboutOperation(head),
      ...(until === null
        ? []
        : [`failing since ${at(head.retryingSince)}, retried for ${formatDurationMs(retryWindowMs)}`]),
    ],
    advice: 'Mend what it names; Runtime Manager goes on by itself.',
  };
}

function goesOn(head: UnfinishedOperation, how: string, { queue }: Facts): Found {
  const behind = queue.length - 1;
  return {
    message: `A ${head.opKind} ${how}${behind > 0 ? `, and ${behind} more behind it` : ''}.`,
    evidence: [aboutOperation(head)],
    advice: null,
  };
}

function dockerAway({ docker }: Facts): Found | null {
  if (docker.trouble === null) return null;
  return {
    message: `Docker can not be asked at the moment, so this goes by what is on record: ${docker.trouble}.`,
    evidence: [docker.trouble],
    advice: 'Bring Docker back (/readyz tells when it answers); Runtime Manager catches up by itself.',
  };
}

function redisAway({ redisTrouble, waitingMessages }: Facts): Found | null {
  if (redisTrouble === null) return null;
  return {
    message: `Redis can not be used at the moment: nothing that waits begins, and ${waitingMessages} messages of the game are kept back. Reason: ${redisTrouble}.`,
    evidence: [redisTrouble],
    advice: 'Bring Redis back; Runtime Manager goes on by itself, and nothing is lost.',
  };
}

const aboutOperation = ({ operationId, opKind, opSource, attempt, status }: UnfinishedOperation): string =>
  `operation ${operationId} (${opKind}, ${opSource}) is ${status}, attempt ${attempt}`;
