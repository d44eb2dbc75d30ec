import { expect } from 'chai';
import fc from 'fast-check';
import type { Message } from '../../lib/messages.ts';
import {
  addMessages,
  gamesToPublish,
  markPublished,
  notedElsewhere,
  prunePublished,
  settleNoted,
  takeUnpublished,
} from '../../sql/outbox.ts';
import { swapRecord } from '../../sql/runtime-records.ts';
import { makeRecord } from '../helpers/records.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const message = (text: string, given: Partial<Message> = {}): Message => ({
  channel: 'job_results',
  gameId: 'g',
  fields: { text },
  ...given,
});

describe('the outbox', () => {
  let store: Store;

  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  afterEach(() => store.clear());

  const add = (...messages: Message[]) => addMessages(store.db, messages);
  const waiting = async (...gameIds: string[]) =>
    (await takeUnpublished(store.db, { gameIds, limit: 1_000 })).map((row) => row.fields[0]?.[1]);
  const publish = async (epoch: string, ...gameIds: string[]) => {
    const rows = await takeUnpublished(store.db, { gameIds, limit: 1_000 });
    const published = rows.map(({ outboxId }, index) => ({ outboxId, entryId: `${index}-0` }));
    await markPublished(store.db, { published, epoch });
    return published;
  };

  it('hands messages out in the order in which they were added, over calls and within one', async () => {
    const names = Array.from({ length: 300 }, (_, index) => `${(index * 7919) % 300}`);
    await add(...names.slice(0, 200).map((name) => message(name)));
    await add(...names.slice(200).map((name) => message(name)));
    expect(await waiting('g')).to.deep.equal(names);
  });

  it('hands out those of the games asked for, oldest first over all of them, and no more than asked', async () => {
    await add(message('1', { gameId: 'a' }), message('2', { gameId: 'b' }), message('3', { gameId: 'c' }));
    await add(message('4', { gameId: 'a' }));
    expect(await waiting('a', 'c')).to.deep.equal(['1', '3', '4']);
    const two = await takeUnpublished(store.db, { gameIds: ['a', 'b'], limit: 2 });
    expect(two.map((row) => row.gameId)).to.deep.equal(['a', 'b']);
  });

  it('keeps the first of several with one key: of one call, of a later one, of one published since', async () => {
    const once = { dedupeKey: 'k' };
    await add(message('first', once), message('second', once), message('other', { dedupeKey: 'l' }));
    await add(message('third', once));
    expect(await waiting('g')).to.deep.equal(['first', 'other']);
    await publish('e', 'g');
    await add(message('fourth', once));
    expect(await waiting('g')).to.deep.equal([]);
  });

  it('keeps the first of several with one key that are added at once', async () => {
    await Promise.all([1, 2, 3, 4].map((name) => add(message(String(name), { dedupeKey: 'k' }))));
    expect(await waiting('g')).to.have.length(1);
  });

  it('keeps any number without a key, and takes none without a statement', async () => {
    await add(message('same'), message('same'));
    await add();
    expect(await waiting('g')).to.deep.equal(['same', 'same']);
  });

  it('keeps fields in their order, and any text, except that NUL and lone surrogates are replaced', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { minLength: 30 }),
        async (texts) => {
          await store.clear();
          await add(
            ...texts.map((a) => message('', { fields: { z: '', a, m: '', 'a b': 'y', __proto__x: 'x' } })),
          );
          const rows = await takeUnpublished(store.db, { gameIds: ['g'], limit: 1_000 });
          expect(rows.map((row) => row.fields)).to.deep.equal(
            texts.map((text) => [
              ['z', ''],
              ['a', text.replaceAll('\0', '\\u0000')],
              ['m', ''],
              ['a b', 'y'],
              ['__proto__x', 'x'],
            ]),
          );
        },
      ),
      { numRuns: 5 },
    );
    await store.clear();
    await add(message('\ud83d'), message('a\udc00\0b'));
    expect(await waiting('g')).to.deep.equal(['\ufffd', 'a\ufffd\\u0000b']);
  });

  it('keeps a message of a game whose name PostgreSQL can not hold', async () => {
    await add(message('x', { gameId: 'g\0\ud800' }));
    expect(await waiting('g\\u0000\ufffd')).to.deep.equal(['x']);
  });

  it('knows which games have something waiting', async () => {
    await add(message('1', { gameId: 'a' }), message('2', { gameId: 'a' }), message('3', { gameId: 'b' }));
    expect((await gamesToPublish(store.db, { limit: 10 })).toSorted()).to.deep.equal(['a', 'b']);
    expect(await gamesToPublish(store.db, { limit: 1 })).to.have.length(1);
    await publish('e', 'a');
    expect(await gamesToPublish(store.db, { limit: 10 })).to.deep.equal(['b']);
  });

  it('leaves out what whoever had the lock before has published meanwhile, and gives what that one left', async () => {
    await add(message('1'), message('2'));
    const end = await store.holding(async (transaction) => {
      const [row] = await takeUnpublished(transaction, { gameIds: ['g'], limit: 1 });
      const published = [{ outboxId: row?.outboxId ?? 0n, entryId: '1-0' }];
      await markPublished(transaction, { published, epoch: 'e' });
    });
    // Its snapshot shows both, for it is older than the note of the first.
    const second = waiting('g');
    await store.blocked(1);
    await end();
    expect(await second).to.deep.equal(['2']);
  });

  describe('after Redis lost its data', () => {
    const noted = async (epoch: string) =>
      (await notedElsewhere(store.db, { epoch, limit: 100 })).map((row) => row.entryId);

    it('knows what was noted under another life of Redis, oldest first, and nothing that waits', async () => {
      for (const [name, epoch] of [
        ['1', 'life 9'],
        ['2', 'life 1'],
        ['3', 'life 5'],
        ['4', 'life 0'],
      ] as const) {
        await add(message(name));
        const [row] = await takeUnpublished(store.db, { gameIds: ['g'], limit: 1 });
        const published = row ? [{ outboxId: row.outboxId, entryId: name }] : [];
        await markPublished(store.db, { published, epoch });
      }
      await add(message('5'));
      expect(await noted('life 5')).to.deep.equal(['1', '2', '4']);
      expect(await noted('life 7')).to.deep.equal(['1', '2', '3', '4']);
    });

    it('makes the lost wait again, in their place, and takes the kept for its own', async () => {
      await add(message('kept'), message('lost'), message('also lost'));
      const [kept, ...lost] = (await publish('old', 'g')).map((one) => one.outboxId);
      await add(message('new'));
      await settleNoted(store.db, { kept: kept === undefined ? [] : [kept], lost, epoch: 'new' });
      expect(await noted('new')).to.deep.equal([]);
      expect(await waiting('g')).to.deep.equal(['lost', 'also lost', 'new']);
    });

    it('does not call lost what somebody else published again meanwhile', async () => {
      await add(message('lost'));
      const lost = (await publish('old', 'g')).map((one) => one.outboxId);
      await settleNoted(store.db, { kept: [], lost, epoch: 'new' });
      await publish('new', 'g');
      // A second sweep that had looked at the same time comes late.
      await settleNoted(store.db, { kept: [], lost, epoch: 'new' });
      expect(await waiting('g')).to.deep.equal([]);
    });
  });

  it('drops what was published long enough ago, a batch at a time, and nothing that waits', async () => {
    await add(message('1'), message('2'), message('3'));
    await publish('e', 'g');
    await store.rows("update rtmanager.outbox set published_at = now() - interval '61 minutes'");
    await add(message('fresh', { gameId: 'f' }));
    await publish('e', 'f');
    await add(message('waits for hours'));
    await store.rows(
      "update rtmanager.outbox set created_at = now() - interval '5 hours' where published_at is null",
    );
    const prune = () => prunePublished(store.db, { ageMs: 3_600_000, limit: 2 });
    expect([await prune(), await prune(), await prune()]).to.deep.equal([2, 1, 0]);
    expect(
      await store.rows('select fields->0->>1 as text from rtmanager.outbox order by outbox_id'),
    ).to.deep.equal([{ text: 'fresh' }, { text: 'waits for hours' }]);
  });

  it('remembers what it told of a container for as long as that one is on record', async () => {
    const told = message('of a container', { dedupeKey: 'oom:c1' });
    await swapRecord(store.db, { expected: null, next: makeRecord({ currentContainerId: 'c1' }) });
    await add(told);
    await publish('e', 'g');
    await store.rows("update rtmanager.outbox set published_at = now() - interval '61 minutes'");
    const prune = () => prunePublished(store.db, { ageMs: 3_600_000, limit: 2 });
    expect([await prune(), await addMessages(store.db, [told])]).to.deep.equal([0, 0]);
    await store.rows("update rtmanager.runtime_records set current_container_id = 'c2'");
    expect(await prune()).to.equal(1);
  });
});
