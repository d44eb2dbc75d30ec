import { expect } from 'chai';
import { makeDeadLetter } from '../../lib/messages.ts';
import { toShownText } from '../../lib/shown-text.ts';
import { makeDeadLetters } from '../../queues/dead-letters.ts';
import { makeEntryDecoder } from '../../queues/decode-entry.ts';
import { failureOf } from '../helpers/failure-of.ts';
import { makeRedis, type TestRedis } from '../helpers/redis.ts';
import { connectAs } from '../helpers/redis-connection.ts';

const STREAM = 'letters';
const WHOLE = { game_id: 'g', image_ref: 'galaxy/game:1.4.2', requested_at_ms: '1767225600000' };

describe('dead letters', () => {
  let redis: TestRedis;
  let letters: ReturnType<typeof makeDeadLetters>;

  before(async function () {
    // The first suite of a run waits for the container of Redis.
    this.timeout(60_000);
    redis = await makeRedis();
    letters = readerOf(redis.client);
  });
  after(() => redis?.release());
  beforeEach(() => redis.client.flushdb());

  const readerOf = (client: TestRedis['client']) =>
    makeDeadLetters({
      redis: client,
      stream: STREAM,
      jobStreams: ['starts', 'stops'],
      decoder: makeEntryDecoder({ startJobs: 'starts', stopJobs: 'stops', now: Date.now }),
    });
  const put = async (
    fields: object,
    sourceStream = 'starts',
    sourceEntryId = '1767225603000-1',
  ): Promise<string> => {
    const message = makeDeadLetter({
      gameId: 'g',
      sourceStream,
      sourceEntryId,
      errorCode: 'invalid_request',
      errorMessage: toShownText('why'),
      fieldsJson: JSON.stringify(fields),
      rejectedAtMs: 1_767_225_603_010,
    });
    return String(await redis.client.xadd(STREAM, '*', ...Object.entries(message.fields).flat()));
  };
  const idsOf = async (page: Parameters<typeof letters.list>[0]) => {
    const { letters: found, next } = await letters.list(page);
    return [found.map((letter) => letter.letterId), next];
  };

  it('are read as they were put aside', async () => {
    const letterId = await put({ game_id: 'g', '…': '(3 more fields cut)' });
    expect(await letters.list({ limit: 10, before: undefined })).to.deep.equal({
      next: undefined,
      letters: [
        {
          letterId,
          ref: 'starts/1767225603000-1',
          isRead: true,
          since: 1_767_225_603_000,
          sourceStream: 'starts',
          sourceEntryId: '1767225603000-1',
          errorCode: 'invalid_request',
          errorMessage: toShownText('why'),
          fields: { game_id: 'g', '…': '(3 more fields cut)' },
          rejectedAt: 1_767_225_603_010,
        },
      ],
    });
  });

  it('come newest first, in pages without a gap or a repeat, whatever else stands among them', async () => {
    const [one, two] = [await put({}), await put({})];
    const foreign = String(await redis.client.xadd(STREAM, '*', 'hello', 'world'));
    const three = await put({});
    expect(await idsOf({ limit: 1, before: undefined })).to.deep.equal([[three], three]);
    expect(await idsOf({ limit: 1, before: three })).to.deep.equal([[], foreign]);
    expect(await idsOf({ limit: 2, before: foreign })).to.deep.equal([[two, one], undefined]);
    expect(await idsOf({ limit: 2, before: one })).to.deep.equal([[], undefined]);
  });

  it('are none before the first', async () => {
    expect(await idsOf({ limit: 1, before: undefined })).to.deep.equal([[], undefined]);
  });

  it('come to the operation that their stream would have made of the mended entry', async () => {
    const start = await put({ game_id: 'g', requested_at_ms: '1767225600000' });
    const common = { gameId: 'g', opSource: 'lobby_stream', requestedAt: 1_767_225_600_000 };
    expect(await letters.revive(start, { image_ref: 'galaxy/game:1.4.2' })).to.deep.equal({
      since: 1_767_225_603_000,
      operation: {
        ...common,
        opKind: 'start',
        sourceRef: 'starts/1767225603000-1',
        letterId: start,
        imageRef: 'galaxy/game:1.4.2',
        reason: null,
      },
    });
    const stop = await put({ game_id: 'g', reason: 'boredom', requested_at_ms: '1767225600000' }, 'stops');
    expect((await letters.revive(stop, { reason: 'finished' })).operation).to.deep.equal({
      ...common,
      opKind: 'stop',
      sourceRef: 'stops/1767225603000-1',
      letterId: stop,
      imageRef: null,
      reason: 'finished',
    });
  });

  it('come to one as they are, once the form that they have is accepted', async () => {
    const { operation } = await letters.revive(await put(WHOLE), {});
    expect(operation).to.include({ gameId: 'g', opKind: 'start' });
  });

  it('are as old as their entry or its refusal, whichever was first', async () => {
    const rejectedAt = 1_767_225_603_010;
    expect((await letters.revive(await put(WHOLE, 'starts', '7-1'), {})).since).to.equal(7);
    const ahead = await put(WHOLE, 'starts', `${'9'.repeat(19)}-1`);
    expect((await letters.revive(ahead, {})).since).to.equal(rejectedAt);
  });

  const refused: readonly [
    what: string,
    fields: object,
    corrections: Record<string, string>,
    says: string,
  ][] = [
    ['nothing is corrected', { ...WHOLE, image_ref: undefined }, {}, 'field "image_ref" is missing'],
    [
      'another field is corrected',
      { ...WHOLE, game_id: 'a/b' },
      { image_ref: 'x' },
      'field "game_id" must be 1 to 128',
    ],
    [
      'a field that was good is broken',
      WHOLE,
      { requested_at_ms: 'soon' },
      'field "requested_at_ms" must be Unix',
    ],
  ];
  for (const [what, fields, corrections, says] of refused) {
    it(`are refused in the contract's words when ${what}`, async () => {
      const failure = await failureOf(letters.revive(await put(fields), corrections));
      expect(failure.code).to.equal('invalid_request');
      expect(failure.message).to.include(says);
    });
  }

  it('are not found where there is none, or something else', async () => {
    const foreign = String(await redis.client.xadd(STREAM, '*', 'hello', 'world'));
    for (const id of ['1-0', foreign, `${'9'.repeat(19)}-${'9'.repeat(19)}`]) {
      expect((await failureOf(letters.revive(id, WHOLE))).code, id).to.equal('not_found');
    }
  });

  it('of a stream that is not read any more can not be replayed', async () => {
    const failure = await failureOf(letters.revive(await put(WHOLE, 'old'), {}));
    expect(failure.code).to.equal('conflict');
    expect(failure.message).to.include('the stream old; requests come by starts and stops');
  });

  it('can not be had while Redis is away', async () => {
    const gone = await connectAs(redis);
    gone.disconnect();
    const away = readerOf(gone);
    for (const asked of [away.list({ limit: 1, before: undefined }), away.revive('1-0', {})]) {
      expect((await failureOf(asked)).code).to.equal('service_unavailable');
    }
  });
});
