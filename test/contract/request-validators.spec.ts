import { expect } from 'chai';
import {
  listOperations,
  makeHeaderValidator,
  makePathValidator,
  makeQueryValidator,
  makeSchemaValidator,
  openapiSchema,
} from '../../lib/contracts.ts';

describe('a query validator', () => {
  const list = makeQueryValidator('internalListRuntimes');

  it('fills in defaults and types the values', () => {
    expect(list({})).to.deep.equal({ ok: true, values: { limit: 100 } });
    expect(list({ limit: '500', status: 'stopped', cursor: 'abc' })).to.deep.equal({
      ok: true,
      values: { limit: 500, status: 'stopped', cursor: 'abc' },
    });
    expect(makeQueryValidator('internalGetRuntimeLogs')({ follow: 'true' })).to.deep.equal({
      ok: true,
      values: { tail: 200, follow: true },
    });
  });

  const refused: readonly [query: Record<string, unknown>, message: string][] = [
    [{ limit: '0' }, 'query parameter "limit" must be a whole number from 1 to 500, got "0"'],
    [{ limit: '501' }, 'query parameter "limit" must be a whole number from 1 to 500, got "501"'],
    [{ limit: 'many' }, 'query parameter "limit" must be a whole number from 1 to 500, got "many"'],
    [{ limit: '1.5' }, 'query parameter "limit" must be a whole number from 1 to 500, got "1.5"'],
    [{ limit: '' }, 'query parameter "limit" must be a whole number from 1 to 500, got ""'],
    [{ limit: ['1', '2'] }, 'query parameter "limit" must be given once, as plain text'],
    [{ status: 'dead' }, 'query parameter "status" must be one of running, stopped, removed, got "dead"'],
    [{ Limit: '1' }, 'query parameter "Limit" is unknown; known: status, limit, cursor'],
    [
      { cursor: 'a b' },
      'query parameter "cursor" must be the next_cursor of the page before, unchanged, got "a b"',
    ],
  ];
  for (const [query, message] of refused) {
    it(`refuses ${JSON.stringify(query)}`, () => {
      expect(list(query)).to.deep.equal({ ok: false, message });
    });
  }

  it('refuses every parameter where there are none', () => {
    expect(makeQueryValidator('internalGetRuntime')({ a: '1' })).to.deep.equal({
      ok: false,
      message: 'query parameter "a" is unknown; there are none',
    });
  });

  it('knows the parameters that its types promise, and no others', () => {
    const typed: Readonly<Record<string, string[]>> = {
      internalListRuntimes: ['status', 'limit', 'cursor'],
      internalListOperations: ['limit', 'cursor'],
      internalListDeadLetters: ['limit', 'cursor'],
      internalGetRuntimeLogs: ['tail', 'follow'],
      internalStreamEvents: ['game_id'],
    };
    for (const { operationId, parameters } of listOperations()) {
      const names = parameters
        .filter((parameter) => parameter.in === 'query')
        .map((parameter) => parameter.name);
      expect(names, `QueryByOperation and ${operationId} differ`).to.deep.equal(typed[operationId] ?? []);
    }
  });

  it('is not made for an operation that the contract does not have', () => {
    expect(() => makeQueryValidator('internalPauseRuntime')).to.throw(
      'openapi/rtmanager.yaml has no operation "internalPauseRuntime"',
    );
  });
});

describe('a header validator', () => {
  const start = makeHeaderValidator('internalStartRuntime');

  it('takes the caller for Game Master unless told otherwise, and ignores other headers', () => {
    expect(start({ host: 'rtm' })).to.deep.equal({ ok: true, values: { 'X-Galaxy-Caller': 'gm' } });
    expect(
      start({ 'x-galaxy-caller': 'admin', 'idempotency-key': 'k', prefer: 'respond-async' }),
    ).to.deep.equal({
      ok: true,
      values: { 'X-Galaxy-Caller': 'admin', 'Idempotency-Key': 'k', Prefer: 'respond-async' },
    });
  });

  it('refuses an unknown caller on every operation below the base path', () => {
    for (const { operationId, path } of listOperations()) {
      if (!path.startsWith('/api/')) continue;
      expect(makeHeaderValidator(operationId)({ 'x-galaxy-caller': 'bob' }), operationId).to.deep.equal({
        ok: false,
        message: 'header "X-Galaxy-Caller" must be one of gm, admin, got "bob"',
      });
    }
  });

  it('refuses an idempotency key with spaces', () => {
    expect(start({ 'idempotency-key': 'a b' })).to.deep.equal({
      ok: false,
      message: 'header "Idempotency-Key" must be 1 to 255 visible ASCII characters without spaces, got "a b"',
    });
  });

  it('refuses a Last-Event-ID that is no id of an event', () => {
    const events = makeHeaderValidator('internalStreamEvents');
    expect(events({ 'last-event-id': '74211-1830' }).ok).to.equal(true);
    expect(events({ 'last-event-id': '$' }).ok).to.equal(false);
  });
});

describe('a path validator', () => {
  it('takes game ids and nothing that could leave the state root', () => {
    const game = makePathValidator('internalGetRuntime');
    expect(game({ game_id: 'game-1' })).to.deep.equal({ ok: true, values: { game_id: 'game-1' } });
    for (const gameId of ['..', 'a..b', '../x', '', 'a/b']) {
      expect(game({ game_id: gameId }).ok, gameId).to.equal(false);
    }
  });
});

describe('a body validator', () => {
  const start = makeSchemaValidator('StartRequest');

  const refused: readonly [body: unknown, message: string][] = [
    [null, 'the body must be a JSON object with the field image_ref, got null'],
    [[], 'the body must be a JSON object with the field image_ref, got []'],
    [{}, 'field "image_ref" is missing'],
    [{ image_ref: 'a', force: true }, 'field "force" is unknown; known: image_ref'],
    [
      { image_ref: 5 },
      'field "image_ref" must be an image reference of 1 to 4096 characters without control characters, got 5',
    ],
  ];
  for (const [body, message] of refused) {
    it(`refuses ${JSON.stringify(body)}`, () => {
      expect(start(body)).to.deep.equal({ ok: false, message });
    });
  }

  it('accepts an empty object for a restart and nothing else', () => {
    const restart = makeSchemaValidator('RestartRequest');
    expect(restart({})).to.deep.equal({ ok: true });
    expect(restart({ image_ref: 'a' })).to.deep.equal({
      ok: false,
      message: 'field "image_ref" is unknown; there are none',
    });
  });

  it('checks times in answers', () => {
    const check = makeSchemaValidator('Health', { part: 'field', whole: 'the answer' });
    const health = { container_id: 'c', status: 'healthy', source: 'start', details: {} };
    expect(check({ ...health, observed_at: '2026-01-01T00:00:00Z' })).to.deep.equal({ ok: true });
    expect(check({ ...health, observed_at: 'yesterday' }).ok).to.equal(false);
  });

  it('is not made for a schema that the contract does not have', () => {
    expect(() => openapiSchema('Nothing')).to.throw('openapi/rtmanager.yaml has no schema "Nothing"');
    expect(() => makeSchemaValidator('Nothing')).to.throw('has no schema "Nothing"');
  });
});
