import { expect } from 'chai';
import { type Clock, openClock } from '../../sql/clock.ts';
import { eventually } from '../helpers/eventually.ts';
import { makeMemoryLogger } from '../helpers/memory-logger.ts';
import { makeStore, type Store } from '../helpers/store.ts';

describe("PostgreSQL's clock", () => {
  let store: Store;
  let clock: Clock | undefined;
  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  afterEach(() => clock?.close());

  const storeNow = async (): Promise<number> =>
    Number(
      (await store.rows<{ ms: string }>('select extract(epoch from clock_timestamp()) * 1000 as ms'))[0]?.ms,
    );

  it('is told whatever the clock of the host says, and does not move with it', async () => {
    let hostShiftMs = 20 * 60_000;
    const log = makeMemoryLogger();
    clock = await openClock(store.db, { log, everyMs: 20, hostNow: () => Date.now() + hostShiftMs });
    const [early, told, late] = [await storeNow(), clock.now(), await storeNow()];
    expect(told).to.be.within(early - 50, late + 50);
    expect(told, 'as streams carry it').to.satisfy(Number.isInteger);
    expect(log.lines[0]?.fields.difference_ms).to.be.within(1_190_000, 1_210_000);
    hostShiftMs = -3_600_000;
    const [before, after] = [clock.now(), clock.now()];
    expect(after - before).to.be.within(0, 1_000);
    hostShiftMs = 0;
    hostShiftMs = 20 * 60_000;
    await eventually(() => log.lines.length === 1, { what: 'one line for one difference' });
  });
});
