import { Queue } from 'bullmq';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { type Schedule, type Schedules, startSchedules } from '../../queues/schedules.ts';
import { eventually } from '../helpers/eventually.ts';
import { type MemoryLogger, makeMemoryLogger } from '../helpers/memory-logger.ts';
import { PREFIX } from '../helpers/queue-side.ts';
import { makeRedis, type TestRedis } from '../helpers/redis.ts';
import { connectAs } from '../helpers/redis-connection.ts';

const EVERY_MS = 200;

describe('schedules', () => {
  let redis: TestRedis;
  let connection: Redis;
  let workerConnection: Redis;
  let log: MemoryLogger;
  const started: Schedules[] = [];

  before(async () => {
    redis = await makeRedis();
    connection = await connectAs(redis);
    workerConnection = await connectAs(redis, { role: 'queue' });
  });
  after(async () => {
    connection?.disconnect();
    workerConnection?.disconnect();
    await redis?.release();
  });
  beforeEach(() => {
    log = makeMemoryLogger();
  });
  afterEach(async () => {
    unshift();
    await Promise.all(started.splice(0).map((one) => one.close()));
    await redis.client.flushdb();
  });

  /** Shifts what this process takes for its host's clock, as BullMQ reads it too. */
  function shiftClock(byMs: number): void {
    const real = Date.now;
    Date.now = () => real() + byMs;
    unshift = () => {
      Date.now = real;
    };
  }
  let unshift = (): void => undefined;

  for (const [way, byMs] of [
    ['back', -3_600_000],
    ['forward', 3_600_000],
  ] as const) {
    it(`go on within seconds when the host's clock is set ${way} an hour`, async () => {
      let runs = 0;
      start(() => {
        runs += 1;
      });
      await eventually(() => runs >= 2, { what: 'ticks' });
      shiftClock(byMs);
      const before = runs;
      await eventually(() => runs >= before + 5, { what: 'ticks after the step', timeoutMs: 20_000 });
      await eventually(
        () => log.lines.some((line) => line.message.startsWith('the clock of this host was set')),
        { what: 'the step in the log' },
      );
    });
  }

  it('are taken over from a replica whose clock is an hour ahead', async () => {
    await new Queue('schedules', { connection, prefix: PREFIX }).upsertJobScheduler(
      'tick',
      { every: EVERY_MS, startDate: Date.now() + 3_600_000 },
      { name: 'tick' },
    );
    let runs = 0;
    start(() => {
      runs += 1;
    });
    await eventually(() => runs >= 3, { what: 'ticks', timeoutMs: 20_000 });
  });

  function start(
    run: () => Promise<void> | void,
    options: Partial<Schedule> = {},
    others: readonly Schedule[] = [],
  ): Schedules {
    const schedule = { name: 'tick', everyMs: EVERY_MS, ...options, run: async () => run() };
    const schedules = startSchedules({
      connection,
      workerConnection,
      prefix: PREFIX,
      schedules: [schedule, ...others],
      leaseMs: 5_000,
      log,
    });
    started.push(schedules);
    return schedules;
  }

  it('run their work again and again', async () => {
    let runs = 0;
    start(() => {
      runs += 1;
    });
    await eventually(() => runs >= 3, { what: 'three ticks' });
  });

  it('run each tick in one replica only', async () => {
    const ticks: number[] = [];
    const run = () => void ticks.push(Date.now());
    start(run);
    start(run);
    start(run);
    await eventually(() => ticks.length >= 8, { what: 'eight ticks' });
    const elapsedMs = (ticks.at(-1) ?? 0) - (ticks[0] ?? 0);
    // Three replicas that each ran every tick would be through with eight in a third of that time.
    expect(elapsedMs).to.be.greaterThan(5 * EVERY_MS);
  });

  it('go on after a tick that failed, and tell of it', async () => {
    let runs = 0;
    start(() => {
      runs += 1;
      if (runs === 1) throw new Error('Docker is away');
    });
    await eventually(() => runs >= 3, { what: 'the ticks after it' });
    expect(log.lines.filter((line) => line.level === 'warn').map((line) => line.fields.tick)).to.deep.equal([
      'tick',
    ]);
  });

  it('leave ticks out while too many of theirs hang, and the other schedules go on', async () => {
    const gate = Promise.withResolvers<void>();
    let [hanging, most, others] = [0, 0, 0];
    const hang = async () => {
      hanging += 1;
      most = Math.max(most, hanging);
      await gate.promise;
      hanging -= 1;
    };
    const other = {
      name: 'other',
      everyMs: EVERY_MS,
      run: async () => {
        others += 1;
      },
    };
    const schedules = start(hang, {}, [other]);
    const leftOut = () => log.lines.filter((line) => line.fields.tick === 'tick').length;
    await eventually(() => leftOut() >= 4, { what: 'ticks that are left out' });
    const before = others;
    await eventually(() => others >= before + 3, { what: 'ticks of the other schedule' });
    expect(most).to.equal(4);
    gate.resolve();
    await eventually(() => hanging === 0, { what: 'the ticks that hung' });
    await schedules.close();
  });

  it('are the same when a replica starts anew, and change when it wants them otherwise', async () => {
    const schedules = start(() => {});
    const every = async () => (await schedules.queue.getJobSchedulers()).map((one) => [one.name, one.every]);
    await eventually(async () => (await every()).length === 1, { what: 'the schedule' });
    await start(() => {}).close();
    expect(await every()).to.deep.equal([['tick', EVERY_MS]]);
    start(() => {}, { everyMs: 1_000 });
    await eventually(async () => (await every())[0]?.[1] === 1_000, { what: 'the other interval' });
    expect(await every()).to.deep.equal([['tick', 1_000]]);
  });

  it('come back when Redis was emptied', async () => {
    let runs = 0;
    start(() => {
      runs += 1;
    });
    await eventually(() => runs >= 1, { what: 'a tick' });
    await redis.client.flushdb();
    runs = 0;
    await eventually(() => runs >= 2, { what: 'ticks after the loss' });
  });

  it('come back when only the next tick was lost, once that is overdue', async () => {
    let runs = 0;
    start(() => {
      runs += 1;
    });
    await eventually(() => runs >= 1, { what: 'a tick' });
    const key = (name: string) => `${PREFIX}:schedules:${name}`;
    await redis.client
      .multi()
      .del(key('delayed'), key('wait'))
      .zadd(key('repeat'), Date.now() - 60_000, 'tick')
      .exec();
    runs = 0;
    await eventually(() => runs >= 2, { what: 'ticks after the loss' });
  });

  it('leave ticks out while four of them are under way, and leave the others their turns', async () => {
    const gate = Promise.withResolvers<void>();
    let [slow, quick] = [0, 0];
    const schedules = startSchedules({
      connection,
      workerConnection,
      prefix: PREFIX,
      schedules: [
        {
          name: 'slow',
          everyMs: 50,
          run: () => {
            slow += 1;
            return gate.promise;
          },
        },
        {
          name: 'quick',
          everyMs: 50,
          run: async () => {
            quick += 1;
          },
        },
      ],
      leaseMs: 5_000,
      log,
    });
    started.push(schedules);
    await eventually(() => slow >= 4, { what: 'four slow ticks' });
    quick = 0;
    await eventually(() => quick >= 10, { what: 'ten quick ticks' });
    expect(slow).to.equal(4);
    gate.resolve();
    await eventually(() => slow > 4, { what: 'the slow ones to go on' });
  });

  it('stop when they are closed, once the tick that runs has ended', async () => {
    const gate = Promise.withResolvers<void>();
    let [runs, ended] = [0, 0];
    const schedules = start(async () => {
      runs += 1;
      await gate.promise;
      ended += 1;
    });
    await eventually(() => runs === 1, { what: 'a tick' });
    const closed = schedules.close();
    gate.resolve();
    await closed;
    expect([runs, ended]).to.deep.equal([1, 1]);
  });
});
