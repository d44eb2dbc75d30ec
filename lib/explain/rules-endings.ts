import { constants } from 'node:os';
import { toShownText } from '../shown-text.ts';
import { type Ending, endedByItself, endingOf, logTailOf, removedOutside } from './ending.ts';
import { type Facts, recordedContainer } from './facts.ts';
import { intentOf } from './intent.ts';
import { at, type Found, type Rule, short } from './rule.ts';

/** Why an engine does not run any more that nobody asked RTM to stop. */
export const ENDING_RULES: readonly Rule[] = [
  {
    code: 'container_removed',
    severity: 'problem',
    find(facts) {
      const lost = facts.record?.status === 'running' && facts.step?.action === 'dispose';
      const disposed = removedOutside(facts);
      // How it had ended before is known, and says more.
      if (endedByItself(facts) && endingOf(facts)) return null;
      if (!lost && !(disposed && intentOf(facts).desired === 'running')) return null;
      const id = lost ? facts.step.containerId : (disposed?.containerId ?? null);
      return {
        message: `The container was removed outside Runtime Manager${disposed ? `, as was found at ${at(disposed.finishedAt)}` : ''}. How the engine ended went with it.`,
        evidence: [
          `Docker has no container ${short(id)}`,
          ...(disposed ? [`operation ${disposed.operationId} (${disposed.opKind}) recorded it`] : []),
        ],
        advice:
          'Start the game again: its state directory is untouched. Find out who removes containers on the host (docker rm, a prune job).',
      };
    },
  },
  {
    code: 'out_of_memory',
    severity: 'problem',
    find: whenEnded((ending, facts) =>
      isOutOfMemory(ending, facts)
        ? {
            message: `The kernel killed the engine for want of memory at ${at(ending.finishedAt)}.`,
            evidence: [],
            advice:
              'Give it more memory (the image label com.galaxy.memory, or RTMANAGER_DEFAULT_MEMORY), then start the game again.',
          }
        : null,
    ),
  },
  {
    code: 'engine_killed',
    severity: 'problem',
    find: whenEnded((ending, facts) => {
      const signal = signalOf(ending);
      if (isOutOfMemory(ending, facts) || !signal || !FROM_OUTSIDE.includes(signal)) return null;
      return {
        message: `The engine was killed from outside at ${at(ending.finishedAt)}: ${signal} (exit code ${ending.exitCode}) came neither from Runtime Manager nor for want of memory.`,
        evidence: [],
        advice:
          'Look who sent it (docker kill, docker stop, the host shutting down: journalctl), then start the game again.',
      };
    }),
  },
  {
    code: 'engine_crashed',
    severity: 'problem',
    find: whenEnded((ending, facts) => {
      const signal = signalOf(ending);
      if (ending.exitCode === 0 || isOutOfMemory(ending, facts)) return null;
      if (signal && FROM_OUTSIDE.includes(signal)) return null;
      return {
        message: `The engine crashed at ${at(ending.finishedAt)} with exit code ${ending.exitCode}${signal ? ` (${signal})` : ''}.`,
        evidence: [],
        advice:
          'Read log_tail for what it said last. Patch the game to a version that is mended, or start it again.',
      };
    }),
  },
  {
    code: 'engine_exited',
    severity: 'problem',
    find: whenEnded((ending) =>
      ending.exitCode === 0
        ? {
            message: `The engine ended at ${at(ending.finishedAt)} with exit code 0, and Runtime Manager had not stopped it: either by itself, or after a stop from outside (docker stop).`,
            evidence: [],
            advice:
              'Read log_tail for its reason, and find out who stops containers on the host; then start the game again.',
          }
        : null,
    ),
  },
];

/** A rule about an end that nobody asked for; what is known of it is added to the evidence. */
function whenEnded(find: (ending: Ending, facts: Facts) => Found | null): Rule['find'] {
  return (facts) => {
    const ending = endingOf(facts);
    if (!ending || !endedByItself(facts)) return null;
    const found = find(ending, facts);
    return found && { ...found, evidence: [...evidenceOf(ending, facts), ...found.evidence] };
  };
}

function evidenceOf(ending: Ending, facts: Facts): string[] {
  const lastLine = logTailOf(facts)?.lines.at(-1);
  const by = ending.operationId ? `operation ${ending.operationId}` : 'Docker';
  return [
    `exit code ${ending.exitCode}, out of memory: ${isOutOfMemory(ending, facts) ? 'yes' : 'no'}, by ${by}`,
    ...(lastLine ? [`last line of its log: ${toShownText(lastLine, 500)}`] : []),
    ...(recordedContainer(facts) ? [] : ['Docker does not show the container any more']),
  ];
}

const isOutOfMemory = ({ oomKilled, containerId, exitCode }: Ending, { healthEvents }: Facts): boolean =>
  oomKilled ||
  (exitCode === 137 &&
    healthEvents.some((one) => one.type === 'container_oom' && one.containerId === containerId));

/** Signals that an engine does not send itself. */
const FROM_OUTSIDE = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'];

/** The signal that an exit code stands for; undefined where it stands for none. */
function signalOf({ exitCode }: Ending): string | undefined {
  return Object.entries(constants.signals).find(([, number]) => number === exitCode - 128)?.[0];
}
