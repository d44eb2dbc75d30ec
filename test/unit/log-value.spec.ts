import { expect } from 'chai';
import fc from 'fast-check';
import { RuntimeError } from '../../lib/errors.ts';
import { toLogValue } from '../../lib/log-value.ts';

describe('log value', () => {
  it('leaves plain data alone', () => {
    const value = { game_id: 'a', attempt: 2, ok: true, none: null, list: [1, 'two'], deep: { x: 1 } };
    expect(toLogValue(value)).to.deep.equal(value);
  });

  it('hides the values of secret keys at any depth, but not that they are missing', () => {
    const value = {
      password: 'x',
      redis: { Password: 'x', db: 0 },
      list: [{ internal_http_token: 'x' }],
      headers: { authorization: 'x', cookie: 'x' },
      primary_dsn: 'x',
      apiKey: { a: 1 },
      token: '',
      secret: null,
    };
    expect(toLogValue(value)).to.deep.equal({
      password: '***',
      redis: { Password: '***', db: 0 },
      list: [{ internal_http_token: '***' }],
      headers: { authorization: '***', cookie: '***' },
      primary_dsn: '***',
      apiKey: '***',
      token: '',
      secret: null,
    });
  });

  it('hides secrets inside of texts', () => {
    expect(toLogValue({ at: 'postgres://u:p@h' })).to.deep.equal({ at: 'postgres://***@h' });
  });

  it('shows an error with code, details, stack and the chain of its causes', () => {
    const root = Object.assign(new Error('connect postgres://u:p@h'), {
      code: 'ECONNREFUSED',
      request: { secret: 1 },
    });
    const error = new RuntimeError('docker_unavailable', 'Docker is away.', {
      cause: new Error('middle', { cause: root }),
      details: { container_id: 'c1', token: 'x' },
    });
    const line = toLogValue({ error }) as { error: Record<string, unknown> };
    expect(line.error).to.deep.include({
      name: 'RuntimeError',
      message: 'Docker is away.',
      code: 'docker_unavailable',
      details: { container_id: 'c1', token: '***' },
    });
    expect(line.error.stack).to.be.a('string').that.includes('log-value.spec.ts');
    expect(line.error.cause).to.deep.include({ name: 'Error', message: 'middle' });
    expect(line.error).to.have.nested.property('cause.cause.message', 'connect postgres://***@h');
    expect(line.error).to.have.nested.property('cause.cause.code', 'ECONNREFUSED');
    expect(line.error).to.not.have.nested.property('cause.cause.request');
  });

  it('shows what an AggregateError holds, and a cause that is no error', () => {
    const error = new AggregateError([new Error('one'), 'two'], 'both', { cause: 'because' });
    const line = toLogValue(error);
    expect(line).to.have.nested.property('errors[0].message', 'one');
    expect(line).to.have.nested.property('errors[1]', 'two');
    expect(line).to.have.property('cause', 'because');
  });

  it('writes what JSON has no form for', () => {
    const value = {
      big: 10n ** 20n,
      nan: Number.NaN,
      when: new Date(0),
      url: new URL('http://u:p@h/x'),
      bytes: Buffer.from('hunter2'),
      map: new Map<string, unknown>([
        ['password', 'x'],
        ['a', 1],
      ]),
      set: new Set([1]),
      run: () => 1,
    };
    expect(toLogValue(value)).to.deep.equal({
      big: '100000000000000000000',
      nan: 'NaN',
      when: '1970-01-01T00:00:00.000Z',
      url: 'http://***@h/x',
      bytes: '[7 bytes]',
      map: { password: '***', a: 1 },
      set: [1],
      run: '[function]',
    });
  });

  it('ends: circles, depth, length, and getters that throw', () => {
    const circle: Record<string, unknown> = { name: 'c' };
    circle.self = circle;
    expect(toLogValue(circle)).to.deep.equal({ name: 'c', self: '[circular]' });
    const error = new Error('e');
    error.cause = error;
    expect(toLogValue(error)).to.have.property('cause', '[circular]');

    let deep: unknown = 'end';
    for (let level = 0; level < 50; level += 1) deep = { deep };
    expect(JSON.stringify(toLogValue(deep))).to.include('[too deep]');
    expect(toLogValue('x'.repeat(10_000))).to.have.length(8_193);
    expect(toLogValue(new Array(1_000).fill(1))).to.have.length(200);
    expect(
      toLogValue({
        get bad(): never {
          throw new Error('no');
        },
      }),
    ).to.equal('[unreadable]');
  });

  it('shows a value used twice both times', () => {
    const shared = { a: 1 };
    expect(toLogValue([shared, shared])).to.deep.equal([shared, shared]);
  });

  it('makes JSON of anything', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true }),
        (value) => {
          JSON.stringify({ value: toLogValue(value) });
        },
      ),
    );
  });
});
