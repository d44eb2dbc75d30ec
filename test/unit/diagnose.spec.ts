import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { InspectedContainer } from '../../lib/docker/container.ts';
import { diagnose } from '../../lib/explain/diagnose.ts';
import type { Facts } from '../../lib/explain/facts.ts';
import { CAUSES, type Cause } from '../../lib/explain/rule.ts';
import { whatNext } from '../../lib/explain/what-next.ts';
import type { Operation } from '../../lib/operation.ts';
import { toShownText } from '../../lib/shown-text.ts';
import { makeRecord } from '../helpers/records.ts';
import { makeTestConfig } from '../helpers/test-config.ts';

const NOW = 1_767_229_200_000;
const ID = 'container of g';

const ended = (given: Partial<Operation>): Operation => ({
  operationId: '0197c5a1-0a3c-7e9d-8b21-4d5e6f708192',
  gameId: 'g',
  seq: 1n,
  opKind: 'start',
  opSource: 'lobby_stream',
  sourceRef: null,
  letterId: null,
  parentOperationId: null,
  correlationId: '0197c5a1-0a3c-7e9d-8b21-4d5e6f708192',
  status: 'finished',
  attempt: 1,
  imageRef: 'engine:1',
  reason: null,
  containerId: ID,
  outcome: 'success',
  errorCode: null,
  errorMessage: null,
  requestedAt: NOW - 2_000,
  acceptedAt: NOW - 2_000,
  startedAt: NOW - 1_000,
  finishedAt: NOW,
  retryingSince: null,
  rollbackPending: false,
  exitEvidence: null,
  ...given,
});
const failed = (errorCode: string): Operation =>
  ended({ outcome: 'failure', errorCode, errorMessage: toShownText('It did not work') });
const unfinished = (given: Partial<Facts['queue'][number]>): Facts['queue'][number] => ({
  ...ended({ status: 'queued', outcome: null, finishedAt: null, startedAt: null }),
  leaseUntil: null,
  notBefore: null,
  lastError: null,
  ...given,
});
const shown = (given: Partial<InspectedContainer> = {}): InspectedContainer => ({
  id: ID,
  name: 'galaxy-game-g',
  running: true,
  state: 'running',
  labels: {},
  networks: ['galaxy'],
  exitCode: 0,
  endedBeforeAt: null,
  autoRemove: false,
  startedAt: null,
  finishedAt: null,
  restartCount: 0,
  health: 'none',
  tty: false,
  image: 'engine:1',
  oomKilled: false,
  imageId: 'sha256:1',
  ...given,
});
const docker = (given: Partial<Facts['docker']> = {}): Facts['docker'] => ({
  trouble: null,
  containers: [shown()],
  networkExists: true,
  missingImage: null,
  daemonId: null,
  log: null,
  ...given,
});
/** A game that runs and is well, except for what is given. */
const factsOf = (given: Partial<Facts> = {}): Facts => ({
  gameId: 'g',
  nowMs: NOW,
  record: makeRecord(),
  queue: [],
  operations: [ended({})],
  asked: ended({}),
  healthEvents: [],
  probe: null,
  inspected: null,
  hold: null,
  waitingMessages: 0,
  docker: docker(),
  redisTrouble: null,
  step: null,
  held: null,
  config: makeTestConfig(),
  ...given,
});
const stopped = makeRecord({ status: 'stopped', stoppedAt: NOW });
const removed = makeRecord({ status: 'removed', currentContainerId: null, removedAt: NOW });
const step = {
  gameId: 'g',
  containerId: 'other',
  recordStatus: 'running',
  containerState: 'running',
  action: 'leave_alone',
  reason: 'Nothing proves that RTM created it.',
} as const;
const probe = {
  gameId: 'g',
  containerId: ID,
  consecutiveFailures: 1,
  failingSince: NOW,
  lastStatus: null,
  lastError: toShownText('no answer within 2s'),
  told: false,
  observedAt: NOW,
};
const found = ended({ opKind: 'reconcile_exit', opSource: 'auto_reconcile' });

/** What test/flow/explain.spec.ts does not come to, by what it is concluded from. */
const CAUSED: Partial<Record<Cause, [Partial<Facts>, says: RegExp]>> = {
  start_config_invalid: [
    { record: null, operations: [failed('start_config_invalid')] },
    /It did not work\. /,
  ],
  docker_unavailable: [{ record: null, operations: [failed('docker_unavailable')] }, /The game does not run/],
  internal_error: [{ operations: [failed('internal_error')] }, /The game runs on, with engine:1/],
  memory_short: [
    { healthEvents: [{ type: 'container_oom', containerId: ID, occurredAt: NOW, details: {} }] },
    /survived a want of memory/,
  ],
  probe_missed: [{ probe }, /missed a probe.*no answer within 2s/],
  container_left: [{ step }, /not the one on record/],
  operation_running: [
    { queue: [unfinished({ status: 'running', leaseUntil: NOW + 1, startedAt: NOW }), unfinished({})] },
    /A start runs since .*, and 1 more behind it/,
  ],
  stopped: [
    { record: stopped, operations: [found], docker: docker({ containers: [] }) },
    /could not tell how/,
  ],
  removed: [
    {
      record: removed,
      operations: [ended({ opKind: 'reconcile_dispose' })],
      asked: ended({ opKind: 'stop' }),
    },
    /by somebody else/,
  ],
};

describe('what is the matter with a game', () => {
  for (const [cause, [given, says]] of Object.entries(CAUSED)) {
    it(`is ${cause}`, () => {
      const [first, ...others] = diagnose(factsOf(given));
      expect([first.code, ...others.map(({ code }) => code)]).to.include(cause);
      expect(first.code).to.equal(cause);
      expect(first.message).to.match(says);
    });
  }

  it('is nothing for a game that is well: one finding, and nothing to be done', () => {
    expect(diagnose(factsOf()).map(({ code, severity, advice }) => [code, severity, advice])).to.deep.equal([
      ['running', 'info', null],
    ]);
    expect(whatNext(factsOf()).action).to.equal('keep_probing');
  });

  it('is told for every state of record and queue, whatever is not known', () => {
    const none = { operations: [], asked: null, docker: docker({ containers: [], networkExists: null }) };
    for (const record of [null, makeRecord(), stopped, removed]) {
      for (const queue of [[], [unfinished({})], [unfinished({ status: 'running', leaseUntil: NOW + 1 })]]) {
        const findings = diagnose(factsOf({ ...none, record, queue }));
        expect(findings[0].code).not.to.equal('unexplained');
        expect(whatNext(factsOf({ ...none, record, queue })).message).not.to.equal('');
      }
    }
  });

  it('names the image that is pulled, also where the operation brings none of its own', () => {
    const queue = [unfinished({ status: 'running', opKind: 'restart', imageRef: null, leaseUntil: NOW + 1 })];
    const [first] = diagnose(factsOf({ queue, docker: docker({ missingImage: 'engine:1' }) }));
    expect(first).to.include({ code: 'pull_waiting' });
    expect(first.message).to.match(/for the pull of engine:1,/);
    expect(first.evidence).to.include('Docker has no image engine:1');
  });

  it('tells of the attempt that failed, and less urgently while the next one is under way', () => {
    const failing = { lastError: toShownText('Docker did not answer'), retryingSince: NOW } as const;
    for (const [state, severity] of [
      [{ status: 'queued', attempt: 1, notBefore: NOW + 1 }, 'problem'],
      [{ status: 'running', attempt: 2, leaseUntil: NOW + 1 }, 'warning'],
    ] as const) {
      const [first] = diagnose(factsOf({ queue: [unfinished({ ...failing, ...state })] }));
      expect(first).to.include({ code: 'operation_retried', severity });
      expect(first.message).to.match(/attempt 1 failed, because Docker did not answer/);
    }
  });

  it('puts the most urgent first', () => {
    const severities = diagnose(
      factsOf({ operations: [failed('conflict')], probe: { ...probe, told: true }, step }),
    ).map(({ severity }) => severity);
    expect(severities).to.deep.equal(['problem', 'warning', 'warning', 'info']);
  });

  it('takes the end of a container for no death while an operation may be ending it', () => {
    const gone = docker({ containers: [shown({ running: false, state: 'exited', exitCode: 143 })] });
    const stops = unfinished({ opKind: 'stop', status: 'running', leaseUntil: NOW + 1 });
    expect(diagnose(factsOf({ docker: gone, queue: [stops] }))[0].code).to.equal('operation_running');
    expect(diagnose(factsOf({ docker: gone }))[0].code).to.equal('engine_killed');
  });

  it('tells of want of memory by the event, where Docker forgot to set its mark', () => {
    const exitEvidence = { exitCode: 137, oomKilled: false, finishedAt: null, lastLogLines: null };
    const oom = { type: 'container_oom', containerId: ID, occurredAt: NOW, details: {} } as const;
    const dead = {
      record: stopped,
      operations: [{ ...found, exitEvidence }],
      docker: docker({ containers: [] }),
    };
    expect(diagnose(factsOf({ ...dead, healthEvents: [oom] }))[0].code).to.equal('out_of_memory');
    expect(diagnose(factsOf(dead))[0].code).to.equal('engine_killed');
  });

  it('has a row in docs/operating.md for each code', () => {
    const doc = readFileSync(new URL('../../docs/operating.md', import.meta.url), 'utf8');
    const heads = [...doc.matchAll(/^\| (`\w+`(?:, `\w+`)*) \|/gm)].map(([, head = '']) => head);
    const rows = heads.flatMap((head) => head.replaceAll('`', '').split(', '));
    expect(CAUSES.filter((code) => !rows.includes(code))).to.deep.equal([]);
  });
});
