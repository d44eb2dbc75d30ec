import { expect } from 'chai';
import { makeMessageValidator } from '../../lib/contracts.ts';
import { ERROR_RULES, type ErrorCode } from '../../lib/errors.ts';
import type { HealthDetails, HealthEvent, HealthEventType } from '../../lib/health.ts';
import {
  makeDeadLetter,
  makeHealthEvent,
  makeJobResult,
  makeNotificationIntent,
} from '../../lib/messages.ts';
import { toShownText } from '../../lib/shown-text.ts';

const CODES = Object.keys(ERROR_RULES) as ErrorCode[];
const ANSWER = { gameId: 'game-1', opKind: 'start', requestEntryId: '1-0' } as const;

/** One of each; a missing type is a compile error. */
const DETAILS: { [Type in HealthEventType]: HealthDetails[Type] } = {
  container_started: { image_ref: 'galaxy/game:1.0.0' },
  container_exited: { exit_code: 139, oom: false },
  container_oom: {},
  container_disappeared: {},
  inspect_unhealthy: { restart_count: 2, state: 'restarting', health: 'none' },
  probe_failed: { consecutive_failures: 3, last_status: 500, last_error: '' },
  probe_recovered: { prior_failure_count: 3 },
};

describe('what lib/messages.ts writes keeps to the contract:', () => {
  const jobResult = makeMessageValidator('runtime-jobs', 'job_result');

  it('the answer to a success', () => {
    const running = { containerId: 'c1', engineEndpoint: 'http://galaxy-game-game-1:8080' };
    const success = { ...ANSWER, ...running, outcome: 'success' } as const;
    expect(jobResult(makeJobResult(success).fields)).to.deep.equal({ ok: true });
    const replay = makeJobResult({ ...success, errorCode: 'replay_no_op' });
    expect(jobResult(replay.fields)).to.deep.equal({ ok: true });
  });

  for (const code of CODES) {
    it(`the answer to a failure with ${code}`, () => {
      const failure = makeJobResult({
        ...ANSWER,
        outcome: 'failure',
        errorCode: code,
        errorMessage: toShownText('Why'),
      });
      expect(jobResult(failure.fields)).to.deep.equal({ ok: true });
    });

    it(`the alert of ${code}, where there is one`, () => {
      const type = ERROR_RULES[code].notification;
      const intent = makeNotificationIntent({
        operationId: '0197c5a2-4f3e-7b11-9d2a-6c1f0e8b7a55',
        gameId: 'game-1',
        imageRef: 'galaxy/game:1.0.0',
        errorCode: code,
        errorMessage: toShownText('Why'),
        attemptedAtMs: 1767225600000,
      });
      expect(intent?.fields.notification_type).to.equal(type);
      if (!type || !intent) return;
      expect(makeMessageValidator('notification-intents', type)(intent.fields)).to.deep.equal({ ok: true });
    });
  }

  for (const [type, details] of Object.entries(DETAILS)) {
    it(`a health event ${type}`, () => {
      const event = { type, details, source: 'reconcile', containerId: 'c1', occurredAtMs: 1 } as HealthEvent;
      const { fields } = makeHealthEvent('game-1', event);
      expect(makeMessageValidator('runtime-health', 'health_event')(fields)).to.deep.equal({ ok: true });
    });
  }

  it('a dead letter', () => {
    const { fields } = makeDeadLetter({
      gameId: '',
      sourceStream: 'runtime:start_jobs',
      sourceEntryId: '1-0',
      errorCode: 'invalid_request',
      errorMessage: toShownText('field "image_ref" is missing'),
      fieldsJson: '{"game_id":"game-1"}',
      rejectedAtMs: 1767225600000,
    });
    expect(makeMessageValidator('runtime-jobs', 'dead_letter')(fields)).to.deep.equal({ ok: true });
  });
});
