import { expect } from 'chai';
import { judgeAnswer, judgeError, judgeTimeOut } from '../../lib/probe-result.ts';

const withCode = (code: string): Error => Object.assign(new Error(`${code} happened`), { code });

describe('the result of a probe', () => {
  for (const body of ['{"status":"ok"}', ' {"uptime":7,"status":"ok"}\n']) {
    it(`is healthy for 200 with ${JSON.stringify(body)}`, () => {
      expect(judgeAnswer(200, body)).to.deep.equal({ kind: 'healthy' });
    });
  }

  for (const [body, error] of [
    ['', 'the answer is not JSON'],
    ['ok', 'the answer is not JSON'],
    ['{"status":"ok"', 'the answer is not JSON'],
    ['"ok"', 'the answer is not {"status":"ok"}'],
    ['null', 'the answer is not {"status":"ok"}'],
    ['["status","ok"]', 'the answer is not {"status":"ok"}'],
    ['{"status":"OK"}', 'the answer is not {"status":"ok"}'],
    ['{"status":true}', 'the answer is not {"status":"ok"}'],
  ] as const) {
    it(`is a failure for 200 with ${JSON.stringify(body)}`, () => {
      expect(judgeAnswer(200, body)).to.deep.equal({ kind: 'failed', status: 200, error });
    });
  }

  for (const status of [201, 204, 301, 307, 400, 404, 500, 503]) {
    it(`is a failure that its status tells all of, for ${status} whatever it says`, () => {
      expect(judgeAnswer(status, '{"status":"ok"}')).to.deep.equal({ kind: 'failed', status, error: '' });
    });
  }

  it('is a failure when the time is over, by the word of a timer that was on time', () => {
    expect(judgeTimeOut(null, 2_000, 3)).to.deep.equal({
      kind: 'failed',
      status: null,
      error: 'no answer within 2s',
    });
    expect(judgeTimeOut(200, 1_500, 100)).to.deep.equal({
      kind: 'failed',
      status: 200,
      error: 'no complete answer within 1.5s',
    });
  });

  it('is none when the timer itself was late: this process was held up (failure mode 17)', () => {
    expect(judgeTimeOut(null, 2_000, 501).kind).to.equal('none');
    expect(judgeTimeOut(200, 100, 101).kind).to.equal('none');
    expect(judgeTimeOut(null, 100, 99).kind).to.equal('failed');
  });

  for (const code of [
    'EMFILE',
    'ENFILE',
    'ENOBUFS',
    'ENOMEM',
    'EADDRNOTAVAIL',
    'ENETUNREACH',
    'ENETDOWN',
    'EAI_AGAIN',
    'EPERM',
  ]) {
    it(`is none for ${code}, which is the prober's own host (failure mode 17)`, () => {
      expect(judgeError(null, withCode(code))).to.deep.equal({ kind: 'none', reason: `${code} happened` });
    });
  }

  for (const [code, error] of [
    ['ECONNREFUSED', 'connection refused'],
    ['EHOSTUNREACH', 'nobody is at its address'],
    ['ECONNRESET', 'the connection was closed without an answer'],
    ['EPIPE', 'the connection was closed without an answer'],
    ['ETIMEDOUT', 'no connection in time'],
    ['HPE_INVALID_CONSTANT', 'the answer is not HTTP'],
    ['HPE_HEADER_OVERFLOW', 'the head of its answer is too long'],
    ['ESOMETHING', 'ESOMETHING happened'],
  ] as const) {
    it(`is a failure for ${code}: ${error}`, () => {
      expect(judgeError(null, withCode(code))).to.deep.equal({ kind: 'failed', status: null, error });
    });
  }

  it('tells the status of an answer that broke off', () => {
    expect(judgeError(200, withCode('ECONNRESET'))).to.deep.equal({
      kind: 'failed',
      status: 200,
      error: 'the connection was closed inside the answer',
    });
  });
});
