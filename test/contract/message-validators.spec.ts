import { expect } from 'chai';
import { makeMessageValidator } from '../../lib/contracts.ts';

const startJob = makeMessageValidator('runtime-jobs', 'start_job');
const stopJob = makeMessageValidator('runtime-jobs', 'stop_job');
const jobResult = makeMessageValidator('runtime-jobs', 'job_result');
const healthEvent = makeMessageValidator('runtime-health', 'health_event');
const pullFailed = makeMessageValidator('notification-intents', 'runtime.image_pull_failed');

const START = { game_id: 'game-1', image_ref: 'galaxy/game:1.0.0', requested_at_ms: '1767225600000' };

describe('a validator of inbound messages', () => {
  it('accepts fields that it does not know', () => {
    expect(startJob({ ...START, trace_id: 'x' })).to.deep.equal({ ok: true });
  });

  it('leaves it to the start to refuse an image reference that cannot be parsed', () => {
    expect(startJob({ ...START, image_ref: 'NOT an image::' })).to.deep.equal({ ok: true });
  });

  for (const field of Object.keys(START)) {
    it(`says that ${field} is missing`, () => {
      const { [field as keyof typeof START]: _, ...rest } = START;
      expect(startJob(rest)).to.deep.equal({ ok: false, message: `field "${field}" is missing` });
    });
  }

  it('takes no time that REST could not tell of again in RFC 3339', () => {
    for (let digits = 1; digits <= 20; digits += 1) {
      const requested_at_ms = '9'.repeat(digits);
      const isTold = digits < 16 && /^\d{4}-/.test(new Date(Number(requested_at_ms)).toISOString());
      expect(startJob({ ...START, requested_at_ms }).ok, requested_at_ms).to.equal(isTold);
    }
  });

  const malformed: readonly [field: string, value: string, message: string][] = [
    ['requested_at_ms', 'abc', 'must be Unix epoch milliseconds in decimal digits (at most 14), got "abc"'],
    ['requested_at_ms', '', 'must be Unix epoch milliseconds in decimal digits (at most 14), got ""'],
    ['requested_at_ms', '-1', 'must be Unix epoch milliseconds in decimal digits (at most 14), got "-1"'],
    [
      'requested_at_ms',
      '1'.repeat(15),
      `must be Unix epoch milliseconds in decimal digits (at most 14), got "${'1'.repeat(15)}"`,
    ],
    [
      'image_ref',
      'a\nb',
      'must be an image reference of 1 to 4096 characters without control characters, got "a\\nb"',
    ],
    [
      'game_id',
      '../etc',
      'must be 1 to 128 letters, digits, "_", "." or "-", starting with a letter or digit and without "..", got "../etc"',
    ],
  ];
  for (const [field, value, message] of malformed) {
    it(`names the form of ${field} for ${JSON.stringify(value)}`, () => {
      expect(startJob({ ...START, [field]: value })).to.deep.equal({
        ok: false,
        message: `field "${field}" ${message}`,
      });
    });
  }

  it('accepts an image reference of 4096 characters and no longer one', () => {
    expect(startJob({ ...START, image_ref: 'a'.repeat(4096) }).ok).to.equal(true);
    expect(startJob({ ...START, image_ref: 'a'.repeat(4097) }).ok).to.equal(false);
    expect(startJob({ ...START, image_ref: '' }).ok).to.equal(false);
  });

  it('names the reasons that a stop may have', () => {
    expect(stopJob({ game_id: 'game-1', reason: 'bored', requested_at_ms: '1' })).to.deep.equal({
      ok: false,
      message:
        'field "reason" must be one of orphan_cleanup, cancelled, finished, admin_request, timeout, got "bored"',
    });
  });
});

describe('a foreign value in a message', () => {
  const shown = (imageRef: string): string => {
    const verdict = startJob({ ...START, image_ref: `${imageRef}\0` });
    return verdict.ok ? '' : verdict.message.replace(/^.*, got /, '');
  };

  it('is cut after 80 characters', () => {
    expect(shown('x'.repeat(5000))).to.equal(`"${'x'.repeat(80)}…"`);
  });

  it('is escaped so that it stays on its line and acts on no terminal', () => {
    expect(shown('a"b\n\u001b[31m\u202e\u0085')).to.equal('"a\\"b\\n\\u001b[31m\\u202e\\u0085\\u0000"');
  });

  it('is never cut in the middle of a character', () => {
    expect(shown(`${'x'.repeat(79)}😀😀`).isWellFormed()).to.equal(true);
  });

  it('shows no password, however long', () => {
    const password = 'p4ss'.repeat(100);
    expect(shown(`https://user:${password}@registry.example.com/game`)).to.not.include('p4ss');
  });
});

describe('a validator of outbound messages', () => {
  const event = { game_id: 'game-1', container_id: 'c1', occurred_at_ms: '1' };

  it('looks into details by event type', () => {
    const exited = { ...event, event_type: 'container_exited' };
    expect(healthEvent({ ...exited, details: '{"exit_code":1,"oom":false}' })).to.deep.equal({ ok: true });
    expect(healthEvent({ ...exited, details: '{"exit_code":"1","oom":false}' })).to.deep.equal({
      ok: false,
      message: 'field "details.exit_code" must be a whole number, got "1"',
    });
    expect(healthEvent({ ...exited, details: '{"exit_code":1}' })).to.deep.equal({
      ok: false,
      message: 'field "details.oom" is missing',
    });
  });

  it('refuses details that are no JSON object', () => {
    for (const details of ['', 'x', '[]', 'null', '"a"']) {
      const verdict = healthEvent({ ...event, event_type: 'container_disappeared', details });
      expect(verdict.ok, details).to.equal(false);
    }
  });

  const result = {
    game_id: 'game-1',
    container_id: '',
    engine_endpoint: '',
    error_code: '',
    error_message: '',
  };

  it('refuses a failure without a code, without a message or with a container', () => {
    const failure = {
      ...result,
      outcome: 'failure',
      error_code: 'conflict',
      error_message: 'Runs another image',
    };
    expect(jobResult(failure)).to.deep.equal({ ok: true });
    for (const change of [
      { error_code: '' },
      { error_code: 'replay_no_op' },
      { error_message: '' },
      { container_id: 'c1' },
      { engine_endpoint: 'http://galaxy-game-game-1:8080' },
    ]) {
      expect(jobResult({ ...failure, ...change }).ok, JSON.stringify(change)).to.equal(false);
    }
  });

  it('refuses a success with a failure code, and a started game without a container', () => {
    expect(jobResult({ ...result, outcome: 'success' }).ok).to.equal(true);
    expect(jobResult({ ...result, outcome: 'success', error_code: 'conflict' }).ok).to.equal(false);
    expect(jobResult({ ...result, outcome: 'success', op_kind: 'start' }).ok).to.equal(false);
    expect(jobResult({ ...result, outcome: 'success', op_kind: 'stop' }).ok).to.equal(true);
  });

  it('refuses an intent whose payload tells of another failure, or has a surplus field', () => {
    const payload = { game_id: 'g', image_ref: 'i', error_code: 'image_pull_failed', error_message: 'm' };
    const intent = (changes: Record<string, unknown>): Record<string, string> => ({
      notification_type: 'runtime.image_pull_failed',
      producer: 'runtime_manager',
      audience_kind: 'admin_email',
      idempotency_key: 'op-1:runtime.image_pull_failed',
      occurred_at_ms: '1',
      payload_json: JSON.stringify({ ...payload, attempted_at_ms: 1, ...changes }),
    });
    expect(pullFailed(intent({}))).to.deep.equal({ ok: true });
    expect(pullFailed(intent({ error_code: 'container_start_failed' })).ok).to.equal(false);
    expect(pullFailed(intent({ attempted_at_ms: '1' })).ok).to.equal(false);
    expect(pullFailed({ ...intent({}), surplus: '' })).to.deep.include({ ok: false });
  });

  it('is not made for a message that the contract does not have', () => {
    expect(() => makeMessageValidator('runtime-jobs', 'pause_job')).to.throw(
      'asyncapi/runtime-jobs.yaml has no message "pause_job"',
    );
  });
});
