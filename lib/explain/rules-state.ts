import { endedByItself, endingOf, lastToDo, removedOutside } from './ending.ts';
import { intentOf } from './intent.ts';
import { at, type Rule, short } from './rule.ts';

/** What there is to say when nothing is the matter: one of them always fits. */
export const STATE_RULES: readonly Rule[] = [
  {
    code: 'running',
    severity: 'info',
    find({ record, healthEvents }) {
      if (record?.status !== 'running') return null;
      const [latest] = healthEvents;
      return {
        message: `The game runs ${record.currentImageRef} since ${at(record.startedAt)}.`,
        evidence: [
          `container ${short(record.currentContainerId)}, image ${record.imageDigest ?? 'of unknown digest'}`,
          ...(latest ? [`last told: ${latest.type} at ${at(latest.occurredAt)}`] : []),
        ],
        advice: null,
      };
    },
  },
  {
    code: 'died_before',
    severity: 'info',
    find(facts) {
      const found = lastToDo(facts, 'reconcile_exit');
      const ending = endingOf(facts);
      if (facts.record?.status !== 'running' || !found || ending?.operationId !== found.operationId)
        return null;
      return {
        message: `Its container before this one ended by itself at ${at(ending.finishedAt)}, with exit code ${ending.exitCode}${ending.oomKilled ? ', for want of memory' : ''}.`,
        evidence: [`operation ${found.operationId} (${found.opKind})`],
        advice: 'Its last log lines stand in exit_evidence of that operation.',
      };
    },
  },
  {
    code: 'stopped_on_request',
    severity: 'info',
    find(facts) {
      const stop = lastToDo(facts, 'stop', 'reconcile_exit');
      if (facts.record?.status !== 'stopped' || stop?.opKind !== 'stop') return null;
      const ending = endingOf(facts);
      const killed = ending?.exitCode === 137 && !ending.oomKilled;
      return {
        message: `The game was stopped on request at ${at(facts.record.stoppedAt)}${stop.reason ? ` (${stop.reason})` : ''}${killed ? '; it had to be killed, because it did not end in time' : ''}.`,
        evidence: [`operation ${stop.operationId} (${stop.opKind}, ${stop.opSource})`],
        advice: null,
      };
    },
  },
  {
    code: 'stopped',
    severity: 'info',
    find(facts) {
      const by = lastToDo(facts, 'stop', 'reconcile_exit');
      if (facts.record?.status !== 'stopped' || by?.opKind === 'stop') return null;
      if (endedByItself(facts) && endingOf(facts)) return null;
      return {
        message: `The game is stopped since ${at(facts.record.stoppedAt)}; ${by ? 'it was found ended, and Docker could not tell how.' : 'what stopped it is forgotten.'}`,
        evidence: by ? [`operation ${by.operationId} (${by.opKind})`] : [],
        advice: null,
      };
    },
  },
  {
    code: 'cleaned_up',
    severity: 'info',
    find(facts) {
      const cleanup = lastToDo(facts, 'cleanup_container', 'reconcile_dispose');
      if (facts.record?.status !== 'removed' || cleanup?.opKind !== 'cleanup_container') return null;
      const why = cleanup.opSource === 'auto_ttl' ? 'because it had been stopped for long' : 'on request';
      return {
        message: `The container was removed at ${at(facts.record.removedAt)}, ${why}. The state directory is still there.`,
        evidence: [`operation ${cleanup.operationId} (${cleanup.opKind}, ${cleanup.opSource})`],
        advice: 'Nothing automatic brings the game back; a start does.',
      };
    },
  },
  {
    code: 'removed',
    severity: 'info',
    find(facts) {
      if (facts.record?.status !== 'removed') return null;
      const disposed = removedOutside(facts);
      const outside = disposed ? ' by somebody else than Runtime Manager' : '';
      return {
        message: `The game has no container any more: it was removed at ${at(facts.record.removedAt)}${outside}.`,
        evidence: disposed ? [`operation ${disposed.operationId} (${disposed.opKind})`] : [],
        advice: 'Nothing automatic brings the game back; a start does.',
      };
    },
  },
  {
    code: 'never_started',
    severity: 'info',
    find: (facts) =>
      facts.record === null
        ? {
            message: `The game has never run here${intentOf(facts).asked ? ', though it was asked for' : ''}.`,
            evidence: ['there is no record of it'],
            advice: null,
          }
        : null,
  },
];
