import { type Facts, recordedContainer } from './facts.ts';
import { at, type Found, type Rule, short } from './rule.ts';

/** An engine that runs, and is not well. */
export const HEALTH_RULES: readonly Rule[] = [
  {
    code: 'probe_failing',
    severity: 'problem',
    find: (facts) =>
      facts.probe?.told ? probeFails(facts, facts.probe, 'The engine runs and does not answer') : null,
  },
  {
    code: 'inspect_unhealthy',
    severity: 'problem',
    find(facts) {
      const { record, inspected } = facts;
      if (record?.status !== 'running' || !inspected || inspected.problems.length === 0) return null;
      const container = recordedContainer(facts);
      return {
        message: `The container runs, and the inspection finds it not well: ${inspected.problems.join(', ')}.`,
        evidence: [
          `restarts: ${inspected.restartCount}`,
          ...(container ? [`Docker calls it ${container.state}, its health check ${container.health}`] : []),
        ],
        advice: 'Read log_tail. A paused container goes on with docker unpause; otherwise restart the game.',
      };
    },
  },
  {
    code: 'probe_missed',
    severity: 'warning',
    find: (facts) =>
      facts.probe && !facts.probe.told
        ? probeFails(facts, facts.probe, 'The engine has missed a probe')
        : null,
  },
  {
    code: 'memory_short',
    severity: 'warning',
    find({ record, healthEvents }) {
      const oom = healthEvents.find(
        (one) => one.type === 'container_oom' && one.containerId === record?.currentContainerId,
      );
      if (record?.status !== 'running' || !oom) return null;
      return {
        message: `The engine survived a want of memory at ${at(oom.occurredAt)}: the kernel killed something else in its container.`,
        evidence: [`container_oom at ${at(oom.occurredAt)}`],
        advice:
          'Give it more memory before the next one hits the engine itself (the image label com.galaxy.memory).',
      };
    },
  },
  {
    code: 'unrecorded_container',
    severity: 'warning',
    find: ({ step }) =>
      step?.action === 'adopt'
        ? {
            message: `A container of the game runs that the record does not tell of; the next reconcile pass takes it over.`,
            evidence: [step.reason, `container ${short(step.containerId)}`],
            advice: null,
          }
        : null,
  },
  {
    code: 'container_left',
    severity: 'warning',
    find: ({ step }) =>
      step?.action === 'remove_container' ||
      (step?.action === 'leave_alone' && step.containerState !== 'gone')
        ? {
            message: 'Docker has a container of the game that is not the one on record.',
            evidence: [step.reason, `container ${short(step.containerId)}`],
            advice:
              step.action === 'leave_alone'
                ? 'Runtime Manager leaves it alone. Look whose it is, and remove it by hand if nobody needs it.'
                : null,
          }
        : null,
  },
];

function probeFails(
  { record, config }: Facts,
  probe: NonNullable<Facts['probe']>,
  what: string,
): Found | null {
  if (record?.status !== 'running') return null;
  const answer = probe.lastStatus === null ? 'no answer' : `HTTP status ${probe.lastStatus}`;
  return {
    message: `${what}: ${probe.consecutiveFailures} probes in a row have failed since ${at(probe.failingSince)}, the last with ${probe.lastError}.`,
    evidence: [`${answer} from ${record.engineEndpoint}/healthz`, `last asked at ${at(probe.observedAt)}`],
    advice: probe.told
      ? 'Read log_tail for what it does instead. Restart the game if it does not come back.'
      : `It counts as ill after ${config.probe.failuresThreshold}.`,
  };
}
