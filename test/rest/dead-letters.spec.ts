import { expect } from 'chai';
import { makeDeadLetters } from '../../queues/dead-letters.ts';
import { makeEntryDecoder } from '../../queues/decode-entry.ts';
import { errorCode, errorMessage } from '../helpers/assert-contract.ts';
import { makeLobby } from '../helpers/lobby.ts';
import { failing, makePlayedRunner, type PlayedRunner, succeeding } from '../helpers/played-runner.ts';
import { makeRedis, type TestRedis } from '../helpers/redis.ts';
import { bodyOf } from '../helpers/rest-client.ts';
import { makeRestService, type RestService } from '../helpers/rest-service.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const PATH = '/api/v1/internal/dead-letters';
const STREAM = 'letters';
const IMAGE = 'galaxy/game:1.4.2';

describe('dead letters by REST', () => {
  let store: Store;
  let redis: TestRedis;
  let runner: PlayedRunner;
  let rest: RestService;
  const stack = new AsyncDisposableStack();

  before(async function () {
    // The first suite of a run waits for the containers.
    this.timeout(60_000);
    redis = stack.adopt(await makeRedis(), (one) => one.release());
    store = stack.adopt(await makeStore(), (one) => one.destroy());
    runner = makePlayedRunner(store);
    const deadLetters = makeDeadLetters({
      redis: redis.client,
      stream: STREAM,
      jobStreams: ['starts', 'stops'],
      decoder: makeEntryDecoder({ startJobs: 'starts', stopJobs: 'stops', now: Date.now }),
    });
    rest = stack.adopt(await makeRestService({ db: store.db, wake: runner.wake, deadLetters }), (one) =>
      one.close(),
    );
  });
  after(() => stack.disposeAsync());
  beforeEach(async () => {
    await Promise.all([store.clear(), redis.client.flushdb()]);
    runner.end = (operation) => succeeding(store, operation);
  });

  /** Puts aside a start without an image. */
  const put = (
    fields: object = { game_id: 'g', requested_at_ms: '1767225600000' },
    given: Readonly<Record<string, string>> = {},
  ): Promise<string> =>
    makeLobby(redis).write(STREAM, {
      source_stream: 'starts',
      source_entry_id: '1767225603000-1',
      error_code: 'invalid_request',
      error_message: 'field "image_ref" is missing',
      fields_json: JSON.stringify(fields),
      rejected_at_ms: '1767225603010',
      ...given,
    });
  /** As retention does when the first operation goes that ended before. */
  const forgetUntil = (ms: number) =>
    store.rows('update rtmanager.deployment set operations_kept_from = to_timestamp($1::float8 / 1000)', [
      ms,
    ]);
  const replay = (letterId: string, body?: unknown, headers = {}) =>
    rest.ask(`${PATH}/${letterId}/replay`, { method: 'POST', body, headers });
  const mended = (image = IMAGE) => ({ fields: { image_ref: image } });
  const list = async (query = '') => {
    const body = bodyOf(await rest.ask(`${PATH}${query}`));
    return body as unknown as { items: Readonly<Record<string, unknown>>[]; next_cursor: string | null };
  };

  it('are listed with what was written, why it was refused, and when', async () => {
    const letterId = await put();
    expect(await list()).to.deep.equal({
      items: [
        {
          letter_id: letterId,
          source_stream: 'starts',
          source_entry_id: '1767225603000-1',
          error_code: 'invalid_request',
          error_message: 'field "image_ref" is missing',
          fields: { game_id: 'g', requested_at_ms: '1767225600000' },
          rejected_at: '2026-01-01T00:00:03.010Z',
          operation_id: null,
          replayable: true,
        },
      ],
      next_cursor: null,
    });
  });

  it('are listed newest first, a page at a time', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 5; count += 1) ids.unshift(await put());
    const found: unknown[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await list(`?limit=2${cursor && `&cursor=${cursor}`}`);
      found.push(...page.items.map((letter) => letter.letter_id));
      cursor = page.next_cursor;
    }
    expect(found).to.deep.equal(ids);
  });

  for (const query of ['?limit=0', '?limit=101', '?cursor=x', '?cursor=Zy0x', '?status=running']) {
    it(`are not listed by ${query}`, async () => {
      const answer = await rest.ask(`${PATH}${query}`);
      expect([answer.status, errorCode(answer)]).to.deep.equal([400, 'invalid_request']);
    });
  }

  it('are replayed as a request of their stream, behind what the game has to do already', async () => {
    runner.end = null;
    await store.queue({ sourceRef: 'before' });
    const letterId = await put();
    const answer = await replay(letterId, mended(), { prefer: 'respond-async', 'x-galaxy-caller': 'admin' });
    expect(answer.status).to.equal(202);
    const [first, queued] = await store.operations();
    expect(first).to.include({ source_ref: 'before' });
    expect(queued).to.include({
      game_id: 'g',
      op_kind: 'start',
      op_source: 'lobby_stream',
      source_ref: 'starts/1767225603000-1',
      letter_id: letterId,
      image_ref: IMAGE,
      status: 'queued',
    });
    expect(Number(queued?.requested_at)).to.equal(1_767_225_600_000);
    expect((await list()).items[0]).to.include({ operation_id: queued?.operation_id });
    const { message, fields } = rest.log.lines.at(-1) ?? {};
    expect(message).to.equal('dead letter replayed');
    expect(fields).to.deep.include({
      letter_id: letterId,
      operation_id: queued?.operation_id,
      caller: 'admin',
      corrected: ['image_ref'],
    });
  });

  it('are one operation however often they are replayed, and answer its outcome each time', async () => {
    const letterId = await put();
    const [once, again, atOnce] = [
      await replay(letterId, mended()),
      ...(await Promise.all([replay(letterId, mended()), replay(letterId, mended())])),
    ];
    expect(once.status).to.equal(200);
    expect(once.json).to.include({ game_id: 'g', status: 'running' });
    for (const repeat of [again, atOnce]) {
      expect(repeat?.json).to.deep.equal(once.json);
      expect(repeat?.headers['operation-id']).to.equal(once.headers['operation-id']);
    }
    expect(await store.operations()).to.have.length(1);
  });

  it('answer the failure that their operation ended with', async () => {
    runner.end = () => failing('image_pull_failed', 'in these words');
    const letterId = await put();
    for (const answer of [await replay(letterId, mended()), await replay(letterId, mended())]) {
      expect(answer.json).to.deep.equal({ error: { code: 'image_pull_failed', message: 'in these words' } });
    }
  });

  it('refuse to become another operation', async () => {
    const letterId = await put();
    await replay(letterId, mended());
    const answer = await replay(letterId, mended('galaxy/game:1.4.3'));
    expect(errorCode(answer)).to.equal('conflict');
    expect(errorMessage(answer)).to.include('replayed before, with other fields');
    expect(await store.operations()).to.have.length(1);
  });

  it('are one operation, too, where the same one stands in the stream twice', async () => {
    const [letterId, twin] = [await put(), await put()];
    const once = await replay(letterId, mended());
    const again = await replay(twin, mended());
    expect(again.json).to.deep.equal(once.json);
    expect(again.headers['operation-id']).to.equal(once.headers['operation-id']);
    expect(await store.operations()).to.have.length(1);
    const shown = (await list()).items.map((letter) => letter.operation_id);
    expect(shown).to.deep.equal([once.headers['operation-id'], once.headers['operation-id']]);
    expect(errorCode(await replay(twin, mended('galaxy/game:1.4.3')))).to.equal('conflict');
  });

  it('leave nothing to accept to a pump that reads the entry once more, and can read it now', async () => {
    await replay(await put(), mended());
    await store.queue({ sourceRef: 'starts/1767225603000-1', imageRef: IMAGE });
    expect(await store.operations()).to.have.length(1);
  });

  it('are no second operation of an entry that was accepted after all', async () => {
    await store.queue({ sourceRef: 'starts/1767225603000-1', imageRef: IMAGE });
    const [accepted] = await store.operations();
    const letterId = await put();
    expect((await list()).items[0]).to.include({ operation_id: accepted?.operation_id });
    const answer = await replay(letterId, mended());
    expect(errorCode(answer)).to.equal('conflict');
    expect(errorMessage(answer)).to.include('accepted after all');
    expect(await store.operations()).to.have.length(1);
  });

  describe('from before the log remembers', () => {
    const REJECTED_AT = 1_767_225_603_010;
    const isRefused = async (letterId: string) => {
      const answer = await replay(letterId, mended());
      expect([answer.status, errorCode(answer)]).to.deep.equal([409, 'conflict']);
      expect(errorMessage(answer)).to.include('may have been done, and forgotten');
      expect(await store.operations()).to.deep.equal([]);
      expect((await list()).items[0]).to.include({ replayable: false, operation_id: null });
    };

    it('are shown as such, and not done again', async () => {
      const letterId = await put();
      await forgetUntil(REJECTED_AT + 1);
      await isRefused(letterId);
    });

    it('are not done again where a stream that was read again put them aside once more', async () => {
      const letterId = await put(undefined, { rejected_at_ms: '1777225603010' });
      await forgetUntil(REJECTED_AT + 1);
      await isRefused(letterId);
    });

    it('still answer the operation that is remembered', async () => {
      const letterId = await put();
      const once = await replay(letterId, mended());
      await forgetUntil(REJECTED_AT + 1);
      expect((await replay(letterId, mended())).json).to.deep.equal(once.json);
      expect((await list()).items[0]).to.include({ replayable: true });
    });

    it('are others than those that came later', async () => {
      await forgetUntil(REJECTED_AT - 10);
      const letterId = await put();
      expect((await list()).items[0]).to.include({ replayable: true });
      expect((await replay(letterId, mended())).status).to.equal(200);
    });
  });

  it('of a stream that is not read any more are shown as such', async () => {
    const letterId = await put(undefined, { source_stream: 'old' });
    expect((await list()).items[0]).to.include({ letter_id: letterId, replayable: false });
    expect(errorCode(await replay(letterId, mended()))).to.equal('conflict');
  });

  const WHOLE_TEXT = `"game_id":"g","image_ref":"${IMAGE}"`;
  const foreign: readonly [what: string, given: Readonly<Record<string, string>>][] = [
    ['with fields that are no JSON', { fields_json: '{' }],
    ['with no fields', { fields_json: 'null' }],
    ['with a list of them', { fields_json: '[]' }],
    ['with a text for them', { fields_json: '"x"' }],
    ['with a number among them', { fields_json: `{${WHOLE_TEXT},"requested_at_ms":1767225600000}` }],
    ['with an object among them', { fields_json: `{${WHOLE_TEXT},"requested_at_ms":{}}` }],
    ['with null among them', { fields_json: `{${WHOLE_TEXT},"requested_at_ms":null}` }],
    ['of a stream whose name PostgreSQL can not hold', { source_stream: 'star\0ts' }],
    ['of an entry that is none', { source_entry_id: 'x' }],
    ['of an entry with an id that Redis never gives', { source_entry_id: `${'7'.repeat(20_000)}-1` }],
    ['from a time that is none', { rejected_at_ms: '999999999999999' }],
  ];
  for (const [what, given] of foreign) {
    it(`are not what somebody else wrote there ${what}`, async () => {
      const whole = { game_id: 'g', image_ref: IMAGE, requested_at_ms: '1767225600000' };
      const foreignId = await put(whole, given);
      const letterId = await put();
      expect((await list()).items.map((letter) => letter.letter_id)).to.deep.equal([letterId]);
      const answer = await replay(foreignId, {});
      expect([answer.status, errorCode(answer)]).to.deep.equal([404, 'not_found']);
      expect(errorMessage(answer)).to.include(`${foreignId} is no dead letter: field "`);
      expect(await store.operations()).to.deep.equal([]);
    });
  }

  it('are listed with any text in them, and refused while it stands there', async () => {
    const letterId = await put(undefined, {
      fields_json: '{"__proto__":"x","constructor":"y","game_id":"\\ud800","image_ref":"a\\u0000b"}',
    });
    const [letter] = (await list()).items;
    expect(Object.entries(letter?.fields ?? {})).to.deep.include(['constructor', 'y']);
    const answer = await replay(letterId, {});
    expect([answer.status, errorCode(answer)]).to.deep.equal([400, 'invalid_request']);
  });

  it('need no corrections when what was refused is accepted now', async () => {
    const whole = { game_id: 'g', requested_at_ms: '1767225600000', image_ref: IMAGE };
    expect((await replay(await put(whole))).status).to.equal(200);
    expect(
      (await replay(await put({ ...whole, game_id: 'other' }, { source_entry_id: '1767225603000-2' }), {}))
        .status,
    ).to.equal(200);
  });

  describe('are refused, and nothing is changed,', () => {
    let letters: readonly object[];
    let letterId: string;
    beforeEach(async () => {
      letterId = await put();
      letters = (await list()).items;
    });
    afterEach(async () => {
      expect(await store.operations()).to.deep.equal([]);
      expect((await list()).items).to.deep.equal(letters);
    });

    const refused: readonly [what: string, body: unknown, says: string][] = [
      ['without a correction', undefined, 'field "image_ref" is missing'],
      ['with a correction of something else', { fields: { game_id: 'h' } }, 'field "image_ref" is missing'],
      [
        'with a bad one',
        { fields: { image_ref: '' } },
        'field "fields.image_ref" must be an image reference',
      ],
      ['with one of no text', { fields: { image_ref: 7 } }, 'field "fields.image_ref" must be an image'],
      ['with a misspelt one', { fields: { imageref: IMAGE } }, 'known: game_id, image_ref, reason'],
      [
        'with a game that is none',
        { fields: { game_id: '../etc' } },
        'field "fields.game_id" must be 1 to 128',
      ],
      ['with one in the wrong place', { image_ref: IMAGE }, 'field "image_ref" is unknown; known: fields'],
      ['with a list', { fields: [] }, 'field "fields" must be a JSON object with corrected fields'],
    ];
    for (const [what, body, says] of refused) {
      it(what, async () => {
        const answer = await replay(letterId, body);
        expect([answer.status, errorCode(answer)]).to.deep.equal([400, 'invalid_request']);
        expect(errorMessage(answer)).to.include(says);
      });
    }

    for (const [id, status] of [
      ['1-0', 404],
      [`${'9'.repeat(19)}-0`, 404],
      [`${'9'.repeat(20)}-0`, 400],
      ['-', 400],
      ['7', 400],
      ['%2B', 400],
    ] as const) {
      it(`as ${id}`, async () => {
        expect((await replay(id, mended())).status).to.equal(status);
      });
    }
  });
});
