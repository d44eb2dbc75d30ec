import { expect } from 'chai';
import fc from 'fast-check';
import { type DecodedEntry, settleTies } from '../../queues/arrival-order.ts';

interface Written {
  readonly gameId: string;
  readonly starts: boolean;
  readonly ms: number;
}

/** What the pump reads of entries that were written in this order: ids that count in each stream for itself. */
function asRead(written: readonly Written[]): DecodedEntry[] {
  const counts = new Map<string, number>();
  const items = written.map(({ gameId, starts, ms }) => {
    const stream = starts ? 'starts' : 'stops';
    const number = counts.get(`${stream} ${ms}`) ?? 0;
    counts.set(`${stream} ${ms}`, number + 1);
    const id = `${ms}-${number}`;
    const operation = {
      gameId,
      opKind: starts ? ('start' as const) : ('stop' as const),
      opSource: 'lobby_stream' as const,
      sourceRef: `${stream}/${id}`,
      imageRef: null,
      reason: null,
      requestedAt: ms,
    };
    return {
      key: [ms, starts ? 0 : 1, number] as const,
      item: { entry: { stream, id, fields: [] }, decoded: { operation } },
    };
  });
  return items
    .sort(({ key: a }, { key: b }) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2])
    .map(({ item }) => item);
}

describe('the order of requests that came within one millisecond', () => {
  /** Games that were asked to start and stop in turns, some of them running at first, all at any pace. */
  const histories = fc.array(
    fc.record({ gameId: fc.constantFrom('a', 'b', 'c'), pauseMs: fc.constantFrom(0, 0, 0, 1, 2) }),
    { maxLength: 40 },
  );
  const atFirst = fc.record({ a: fc.boolean(), b: fc.boolean(), c: fc.boolean() });

  it('is found for every game that is asked to start and stop in turns', async () => {
    await fc.assert(
      fc.asyncProperty(histories, atFirst, async (history, runningAtFirst) => {
        const running = new Map(Object.entries(runningAtFirst));
        let ms = 100;
        const written = history.map(({ gameId, pauseMs }) => {
          ms += pauseMs;
          const starts = !running.get(gameId);
          running.set(gameId, starts);
          return { gameId, starts, ms };
        });
        const items = asRead(written);
        const settled = await settleTies(items, async () => new Map(Object.entries(runningAtFirst)));
        expect(settled).to.have.members(items);
        for (const game of ['a', 'b', 'c']) {
          const isOfGame = ({ decoded }: DecodedEntry) =>
            'operation' in decoded && decoded.operation.gameId === game;
          for (const stream of ['starts', 'stops']) {
            const of = (all: readonly DecodedEntry[]) =>
              all.filter((item) => item.entry.stream === stream && isOfGame(item));
            expect(of(settled)).to.deep.equal(of(items));
          }
          const asked = settled.flatMap(({ decoded }) =>
            'operation' in decoded && decoded.operation.gameId === game
              ? [decoded.operation.opKind === 'start']
              : [],
          );
          expect(asked).to.deep.equal(written.filter((one) => one.gameId === game).map((one) => one.starts));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('asks the database for nothing where no game has a tie', async () => {
    const items = asRead([
      { gameId: 'a', starts: true, ms: 1 },
      { gameId: 'b', starts: false, ms: 1 },
      { gameId: 'a', starts: false, ms: 2 },
    ]);
    const ask = () => Promise.reject(new Error('nobody is to be asked'));
    expect(await settleTies(items, ask)).to.deep.equal(items);
  });
});
