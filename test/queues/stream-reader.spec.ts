import { expect } from 'chai';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { readMerged, waitForEntries } from '../../queues/stream-reader.ts';
import { eventually } from '../helpers/eventually.ts';
import { makeRedis, type TestRedis } from '../helpers/redis.ts';
import { connectAs } from '../helpers/redis-connection.ts';

const STREAMS = ['starts', 'stops'] as const;

/** `{stream} {id}` of one entry. */
type Name = string;

describe('reading the job streams', () => {
  let redis: TestRedis;
  let reader: Redis;

  before(async () => {
    redis = await makeRedis();
    reader = await connectAs(redis, { role: 'reader' });
  });
  after(async () => {
    reader?.disconnect();
    await redis?.release();
  });
  afterEach(() => redis.client.flushdb());

  const write = (stream: string, ...ids: string[]) =>
    Promise.all(ids.map((id) => redis.client.xadd(stream, id, 'id', id)));
  const fromTheBeginning = () => new Map<string, string>(STREAMS.map((stream) => [stream, '0-0']));

  async function read(cursors: Map<string, string>, count = 500): Promise<Name[]> {
    const entries = await readMerged(reader, cursors, count);
    for (const entry of entries) cursors.set(entry.stream, entry.id);
    return entries.map((entry) => `${entry.stream} ${entry.id}`);
  }

  /** One read after the other until so many entries were read. */
  async function readAll(count: number, total: number): Promise<Name[]> {
    const cursors = fromTheBeginning();
    const all: Name[] = [];
    for (let reads = 0; reads <= total && all.length < total; reads += 1)
      all.push(...(await read(cursors, count)));
    return all;
  }

  it('merges them by time, the oldest entry first', async () => {
    await write('starts', '1-0', '4-0', '10-0');
    await write('stops', '2-0', '9-5', '11-0');
    expect(await read(fromTheBeginning())).to.deep.equal([
      'starts 1-0',
      'stops 2-0',
      'starts 4-0',
      'stops 9-5',
      'starts 10-0',
      'stops 11-0',
    ]);
  });

  it('orders the entries of one stream by number, not by text', async () => {
    await write('starts', '9-9', '9-10', '10-2', '18446744073709551615-1');
    expect(await read(fromTheBeginning())).to.deep.equal([
      'starts 9-9',
      'starts 9-10',
      'starts 10-2',
      'starts 18446744073709551615-1',
    ]);
  });

  it('takes no stop that is newer than the last of as many starts as were asked for', async () => {
    await write('starts', '1-0', '2-0', '5-0');
    await write('stops', '3-0', '6-0');
    const cursors = fromTheBeginning();
    expect(await read(cursors, 2)).to.deep.equal(['starts 1-0']);
    expect(await read(cursors, 2)).to.deep.equal(['starts 2-0', 'stops 3-0']);
    expect(await read(cursors, 2)).to.deep.equal(['starts 5-0', 'stops 6-0']);
  });

  it('takes the older part of two streams that both gave as much as was asked for', async () => {
    await write('starts', '1-0', '2-0', '3-0');
    await write('stops', '1-5', '9-0', '10-0');
    expect(await read(fromTheBeginning(), 2)).to.deep.equal(['starts 1-0', 'stops 1-5']);
  });

  it('takes a millisecond whole, so that its order can be settled', async () => {
    await write('starts', '1-0', '2-0', '2-1', '3-0');
    await write('stops', '2-0', '2-1');
    const cursors = fromTheBeginning();
    expect(await read(cursors, 2)).to.deep.equal(['starts 1-0']);
    expect(await read(cursors, 3)).to.deep.equal(['starts 2-0', 'starts 2-1', 'stops 2-0', 'stops 2-1']);
  });

  it('lets a stop not overtake its start in one millisecond, in which each stream counts for itself', async () => {
    await write('starts', '5-0', '5-1', '5-2', '6-0');
    await write('stops', '4-0', '5-0');
    const expected = ['stops 4-0', 'starts 5-0', 'starts 5-1', 'starts 5-2', 'stops 5-0', 'starts 6-0'];
    for (const count of [1, 2, 3, 4, 500]) expect(await readAll(count, 6)).to.deep.equal(expected);
  });

  it('sees every start before its stop, however fast they were written', async () => {
    const games = Array.from({ length: 300 }, (_, index) => `g${index}`);
    const pipeline = redis.client.pipeline();
    for (const [index, game] of games.entries()) {
      pipeline.xadd('starts', '*', 'game', game);
      if (index % 3 === 2) pipeline.xadd('stops', '*', 'game', game);
    }
    await pipeline.exec();
    const cursors = fromTheBeginning();
    const started = new Set<string>();
    const early: string[] = [];
    let stops = 0;
    for (;;) {
      const entries = await readMerged(reader, cursors, 7);
      if (entries.length === 0) break;
      for (const { stream, id, fields } of entries) {
        cursors.set(stream, id);
        const game = String(fields[0]?.[1]);
        if (stream === 'starts') started.add(game);
        else {
          stops += 1;
          if (!started.has(game)) early.push(game);
        }
      }
    }
    expect([started.size, stops, early]).to.deep.equal([300, 100, []]);
  });

  it('reads any two streams in order and without a gap, in portions of any size', async () => {
    const ids = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.nat(3)), {
      selector: ([ms, seq]) => `${ms}-${seq}`,
      maxLength: 25,
    });
    await fc.assert(
      fc.asyncProperty(ids, ids, fc.integer({ min: 1, max: 6 }), async (starts, stops, count) => {
        await redis.client.del(...STREAMS);
        const all = [starts, stops].flatMap((stream, place) =>
          stream.map(([ms, seq]) => ({
            key: [ms, place, seq],
            stream: STREAMS[place] ?? '',
            id: `${ms}-${seq}`,
          })),
        );
        all.sort((left, right) => compareKeys(left.key, right.key));
        await Promise.all(all.map(({ stream, id }) => write(stream, id)));
        expect(await readAll(count, all.length)).to.deep.equal(
          all.map(({ stream, id }) => `${stream} ${id}`),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('keeps bytes as they are, and every field, also one that appears twice', async () => {
    const bytes = Buffer.from([0, 0xff, 0xfe, 0x80, 10]);
    await redis.client.call('XADD', 'starts', '1-0', 'a', bytes, bytes, 'b', 'a', '');
    const [entry] = await readMerged(reader, fromTheBeginning(), 5);
    expect(entry?.fields).to.deep.equal([
      [Buffer.from('a'), bytes],
      [bytes, Buffer.from('b')],
      [Buffer.from('a'), Buffer.from('')],
    ]);
  });

  it('ends a wait with whatever is written, which is then read in order', async () => {
    const waiting = waitForEntries(reader, fromTheBeginning(), 10_000);
    await eventually(async () => String(await redis.client.client('LIST')).includes('cmd=xread'), {
      what: 'the reader to wait',
    });
    // Redis 7.0 would hand over the stream that was written first, and nothing else.
    await redis.client.multi().xadd('starts', '2-0', 'id', '').xadd('stops', '1-0', 'id', '').exec();
    expect(await waiting).to.equal(true);
    expect(await read(fromTheBeginning())).to.deep.equal(['stops 1-0', 'starts 2-0']);
  });

  it('waits for nothing where something is there, and not for ever where nothing comes', async () => {
    expect(await waitForEntries(reader, fromTheBeginning(), 1)).to.equal(false);
    await write('stops', '1-0');
    expect(await waitForEntries(reader, fromTheBeginning(), 10_000)).to.equal(true);
    expect(
      await waitForEntries(
        reader,
        new Map([
          ['starts', '0-0'],
          ['stops', '1-0'],
        ]),
        1,
      ),
    ).to.equal(false);
  });
});

function compareKeys(left: readonly (number | undefined)[], right: readonly (number | undefined)[]): number {
  const at = left.findIndex((part, index) => part !== right[index]);
  return (left[at] ?? 0) - (right[at] ?? 0);
}
