import { expect } from 'chai';
import { type Accepted, acceptBatch, PumpFencedError } from '../../queues/accept-batch.ts';
import { makeEntryDecoder } from '../../queues/decode-entry.ts';
import type { StreamEntry } from '../../queues/stream-reader.ts';
import { lockGames } from '../../sql/locks.ts';
import { loadCursors, moveCursor } from '../../sql/stream-cursors.ts';
import { rejectionOf } from '../helpers/failure-of.ts';
import { type MemoryLogger, makeMemoryLogger } from '../helpers/memory-logger.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const decoder = makeEntryDecoder({ startJobs: 'starts', stopJobs: 'stops', now: Date.now });

const entryOf = (stream: string, id: string, fields: Record<string, string>): StreamEntry => ({
  stream,
  id,
  fields: Object.entries(fields).map(([name, value]) => [Buffer.from(name), Buffer.from(value)] as const),
});
const start = (id: string, game_id: string, image_ref = 'engine:1') =>
  entryOf('starts', id, { game_id, image_ref, requested_at_ms: '1767225600000' });
const stop = (id: string, game_id: string) =>
  entryOf('stops', id, { game_id, reason: 'finished', requested_at_ms: '1767225600000' });
const poison = (id: string, game_id: string) => entryOf('starts', id, { game_id });

describe('accepting a batch', () => {
  let store: Store;
  let cursors: Map<string, string>;
  let log: MemoryLogger;

  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  beforeEach(async () => {
    cursors = await loadCursors(store.db, ['starts', 'stops']);
    log = makeMemoryLogger();
  });
  afterEach(() => store.clear());

  const accept = (...entries: StreamEntry[]): Promise<Accepted> =>
    acceptBatch(store.db, entries, cursors, { decoder, log });
  const queued = async () =>
    (await store.rows('select source_ref from rtmanager.operation_log order by seq')).map(
      (row) => row.source_ref,
    );
  const messages = async () =>
    (
      await store.rows<{ channel: string; fields: [string, string][] }>(
        'select channel, fields from rtmanager.outbox order by outbox_id',
      )
    ).map(({ channel, fields }) => {
      const { source_entry_id, request_entry_id } = Object.fromEntries(fields);
      return `${channel} ${source_entry_id ?? request_entry_id}`;
    });
  const storedCursors = async () => Object.fromEntries(await loadCursors(store.db, ['starts', 'stops']));

  /** Makes PostgreSQL refuse rows of a table with an SQLSTATE of the test's choice, while `work` runs. */
  async function refusing(
    table: string,
    when: string,
    sqlstate: string,
    work: () => Promise<void>,
  ): Promise<void> {
    await store.rows(`create function refuse() returns trigger language plpgsql as $$ begin
      if ${when} then raise exception 'refused by the test' using errcode = '${sqlstate}'; end if; return new; end $$;
      create trigger refuse before insert on rtmanager.${table} for each row execute function refuse()`);
    try {
      await work();
    } finally {
      await store.rows('drop function refuse cascade');
    }
  }

  describe('settles the order of one game within a millisecond, which Redis does not tell', () => {
    const refs = (...names: string[]) => names;

    it('start and stop in turns, whatever other games ask for meanwhile', async () => {
      await accept(
        ...[start('5-0', 'a'), start('5-1', 'b'), start('5-2', 'a')],
        ...[stop('5-0', 'a'), stop('5-1', 'a')],
      );
      expect(await queued()).to.deep.equal(
        refs('starts/5-0', 'starts/5-1', 'stops/5-0', 'starts/5-2', 'stops/5-1'),
      );
    });

    it('a stop first where the batch before asked for a start', async () => {
      await accept(start('4-0', 'a'));
      await accept(start('5-0', 'a'), stop('5-0', 'a'));
      expect(await queued()).to.deep.equal(refs('starts/4-0', 'stops/5-0', 'starts/5-0'));
    });

    it('a stop first where the same batch asked for a start', async () => {
      await accept(start('4-0', 'a'), start('5-0', 'a'), stop('5-0', 'a'));
      expect(await queued()).to.deep.equal(refs('starts/4-0', 'stops/5-0', 'starts/5-0'));
    });

    it('and leaves entries alone that are not to be accepted', async () => {
      await accept(start('5-0', 'a'), poison('5-1', 'a'), start('5-2', 'a'), stop('5-0', 'a'));
      expect(await queued()).to.deep.equal(refs('starts/5-0', 'stops/5-0', 'starts/5-2'));
      expect(await storedCursors()).to.deep.equal({ starts: '5-2', stops: '5-0' });
    });

    it('also when the database takes them one by one', async () => {
      await refusing('operation_log', `new.game_id = 'bad'`, '22P05', async () => {
        await accept(start('5-0', 'a'), start('5-1', 'bad'), start('5-2', 'a'), stop('5-0', 'a'));
      });
      expect(await queued()).to.deep.equal(refs('starts/5-0', 'stops/5-0', 'starts/5-2'));
    });
  });

  it('queues requests in their order, turns the rest into dead letters and answers, and moves the cursors', async () => {
    const accepted = await accept(
      start('1-0', 'a'),
      poison('2-0', 'a'),
      stop('2-0', 'b'),
      poison('3-0', ''),
      start('4-0', 'b'),
    );
    expect(accepted.operations.map((game) => `${game.opKind} ${game.gameId}`)).to.have.members([
      'start a',
      'stop b',
      'start b',
    ]);
    expect(accepted).to.deep.include({ answered: ['a', ''], rejectedFrom: ['starts', 'starts'] });
    expect(await queued()).to.deep.equal(['starts/1-0', 'stops/2-0', 'starts/4-0']);
    expect(await messages()).to.deep.equal(['dead_letters 2-0', 'job_results 2-0', 'dead_letters 3-0']);
    expect(await storedCursors()).to.deep.equal({ starts: '4-0', stops: '2-0' });
    expect(Object.fromEntries(cursors)).to.deep.equal({ starts: '4-0', stops: '2-0' });
  });

  it('leaves the cursor of a stream alone that had nothing', async () => {
    await accept(stop('2-0', 'b'));
    expect(await storedCursors()).to.deep.equal({ starts: '0-0', stops: '2-0' });
  });

  it('knows what it accepted before, and what it refused', async () => {
    const entries = [start('1-0', 'a'), poison('2-0', 'a'), start('3-0', 'a')];
    await accept(...entries);
    await moveCursor(store.db, { stream: 'starts', from: '3-0', to: '0-0' });
    cursors.set('starts', '0-0');
    const again = await accept(...entries, start('4-0', 'a'));
    expect(again.operations).to.have.length(1);
    expect(await queued()).to.deep.equal(['starts/1-0', 'starts/3-0', 'starts/4-0']);
    expect(await messages()).to.deep.equal(['dead_letters 2-0', 'job_results 2-0']);
  });

  it('inserts nothing when somebody else has moved a cursor', async () => {
    await moveCursor(store.db, { stream: 'stops', from: '0-0', to: '1-0' });
    const before = await store.world();
    const error = await rejectionOf(accept(start('1-0', 'a'), poison('2-0', 'a'), stop('3-0', 'b')));
    expect(error).to.be.instanceOf(PumpFencedError);
    expect(await store.world()).to.deep.equal(before);
    expect(Object.fromEntries(cursors)).to.deep.equal({ starts: '0-0', stops: '0-0' });
  });

  it('waits for who moves a cursor, and inserts nothing then', async () => {
    const end = await store.holding((transaction) =>
      moveCursor(transaction, { stream: 'starts', from: '0-0', to: '9-0' }),
    );
    const accepted = rejectionOf(accept(start('1-0', 'a')));
    await store.blocked(1);
    await end();
    expect(await accepted).to.be.instanceOf(PumpFencedError);
    expect(await queued()).to.deep.equal([]);
  });

  it('gives its operations their places only when it has their games, so a lower place never shows up late', async () => {
    const end = await store.holding((transaction) => lockGames(transaction, 'accept', ['a']));
    const accepted = accept(start('1-0', 'a'));
    await store.blocked(1);
    const [drawn] = await store.rows<{ place: string }>("select nextval('rtmanager.operation_seq') as place");
    await end();
    await accepted;
    const [row] = await store.rows<{ seq: string }>('select seq from rtmanager.operation_log');
    expect(Number(row?.seq)).to.be.greaterThan(Number(drawn?.place));
  });

  it('inserts once when two pumps have the same batch', async () => {
    const entries = [start('1-0', 'a'), poison('2-0', 'a'), stop('3-0', 'b')];
    const outcomes = await Promise.allSettled([
      accept(...entries),
      acceptBatch(store.db, entries, new Map(cursors), { decoder, log }),
    ]);
    const [refused] = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused?.reason).to.be.instanceOf(PumpFencedError);
    expect(await queued()).to.deep.equal(['starts/1-0', 'stops/3-0']);
    expect(await messages()).to.deep.equal(['dead_letters 2-0', 'job_results 2-0']);
  });

  it('keeps nothing of a batch that fails for a reason which may pass, and takes it whole the next time', async () => {
    const entries = [start('1-0', 'a'), poison('2-0', 'a')];
    // 53100: the disk is full. The messages are written last, when everything else stands already.
    await refusing('outbox', 'true', '53100', async () => {
      const before = await store.world();
      await rejectionOf(accept(...entries));
      expect(await store.world()).to.deep.equal(before);
      expect(cursors.get('starts')).to.equal('0-0');
    });
    await accept(...entries);
    expect(await queued()).to.deep.equal(['starts/1-0']);
    expect(await messages()).to.deep.equal(['dead_letters 2-0', 'job_results 2-0']);
  });

  it('takes a batch entry by entry when PostgreSQL refuses its content, and loses only what is refused', async () => {
    await refusing('operation_log', "new.game_id = 'refused'", '22021', async () => {
      const accepted = await accept(
        start('1-0', 'a'),
        start('2-0', 'refused'),
        poison('3-0', 'b'),
        stop('4-0', 'a'),
        start('5-0', 'c'),
      );
      expect(accepted.operations.map((game) => game.gameId)).to.deep.equal(['a', 'a', 'c']);
      expect(accepted).to.deep.include({ answered: ['refused', 'b'], rejectedFrom: ['starts', 'starts'] });
    });
    expect(await queued()).to.deep.equal(['starts/1-0', 'stops/4-0', 'starts/5-0']);
    expect(await messages()).to.deep.equal([
      'dead_letters 2-0',
      'job_results 2-0',
      'dead_letters 3-0',
      'job_results 3-0',
    ]);
    expect(await storedCursors()).to.deep.equal({ starts: '5-0', stops: '4-0' });
  });

  it('tells of each refused entry once in the log, however it was taken', async () => {
    const told = () =>
      log.lines.filter((line) => line.message.includes('poison')).map((line) => line.fields.entry_id);
    await accept(poison('1-0', 'a'), poison('2-0', ''));
    expect(told()).to.deep.equal(['1-0', '2-0']);
    await refusing('operation_log', "new.game_id = 'refused'", '23514', async () => {
      await accept(poison('3-0', 'a'), start('4-0', 'refused'), start('5-0', 'a'));
    });
    expect(told()).to.deep.equal(['1-0', '2-0', '3-0', '4-0']);
  });

  it('keeps a dead letter and an answer for every text that a game_id may hold', async () => {
    const names = [
      'a\0b',
      '\ud800',
      '日本'.repeat(256),
      '../..',
      "'; drop table rtmanager.outbox; --",
      '$1',
      'x'.repeat(512),
    ];
    await accept(...names.map((name, index) => start(`${index + 1}-0`, name)), start('99-0', 'good'));
    expect(await messages()).to.have.length(2 * names.length);
    const letters = await store.rows<{ fields: [string, string][] }>(
      "select fields from rtmanager.outbox where channel = 'dead_letters' order by outbox_id",
    );
    expect(
      letters.map(({ fields }) => JSON.parse(Object.fromEntries(fields).fields_json ?? '').game_id),
    ).to.deep.equal(names.map((name) => name.toWellFormed()));
    expect(await queued()).to.deep.equal(['starts/99-0']);
  });
});
