import { expect } from 'chai';
import type { Redis } from 'ioredis';
import type { ContainerEvent } from '../../lib/docker/container-events.ts';
import { type EventJobs, startEventJobs } from '../../queues/event-jobs.ts';
import { eventually } from '../helpers/eventually.ts';
import { makeMemoryLogger } from '../helpers/memory-logger.ts';
import { PREFIX } from '../helpers/queue-side.ts';
import { makeRedis, type TestRedis } from '../helpers/redis.ts';
import { connectAs } from '../helpers/redis-connection.ts';

const EVENT: ContainerEvent = {
  action: 'die',
  containerId: 'c1',
  gameId: 'game.1',
  atNanos: 9_007_199_254_740_993_001n,
};

describe('events of Docker as jobs', () => {
  let redis: TestRedis;
  let connection: Redis;
  let workerConnection: Redis;
  const started: EventJobs[] = [];

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
  afterEach(async () => {
    await Promise.all(started.splice(0).map((one) => one.close()));
    await redis.client.flushdb();
  });

  function replica(handle: (event: ContainerEvent) => Promise<'done' | 'busy'>): EventJobs {
    const jobs = startEventJobs({
      connection,
      workerConnection,
      prefix: PREFIX,
      handle,
      leaseMs: 5_000,
      log: makeMemoryLogger(),
    });
    started.push(jobs);
    return jobs;
  }
  const ended = (jobs: EventJobs, state: 'completed' | 'failed' = 'completed') =>
    eventually(async () => (await jobs.queue.getJobs(state))[0], { what: `a ${state} job` });

  it('carry all of the event, to the last digit', async () => {
    const handled: ContainerEvent[] = [];
    const jobs = replica(async (event) => {
      handled.push(event);
      return 'done';
    });
    await jobs.add(EVENT);
    await ended(jobs);
    expect(handled).to.deep.equal([EVENT]);
  });

  it('are handled once, however many replicas heard the event, and however often (failure mode 3)', async () => {
    let handled = 0;
    const replicas = Array.from({ length: 3 }, () =>
      replica(async () => {
        handled += 1;
        return 'done';
      }),
    );
    await Promise.all(replicas.map((one) => one.add(EVENT)));
    const [first] = replicas;
    if (first) await ended(first);
    for (const one of replicas) await one.add(EVENT);
    await first?.add({ ...EVENT, containerId: 'later' });
    await eventually(async () => (await first?.queue.getJobCountByTypes('completed')) === 2, {
      what: 'the later one',
    });
    expect(handled).to.equal(2);
  });

  it('are looked at again a second later while their game is busy, and while PostgreSQL is away', async () => {
    const answers = ['busy', new Error('PostgreSQL is away'), 'done'] as const;
    let asked = 0;
    const jobs = replica(async () => {
      const answer = answers[asked] ?? 'done';
      asked += 1;
      if (answer instanceof Error) throw answer;
      return answer;
    });
    await jobs.add(EVENT);
    await ended(jobs);
    expect(asked).to.equal(3);
    expect(await jobs.queue.getJobCountByTypes('failed', 'delayed', 'waiting', 'active')).to.equal(0);
  });

  it('are given up when they could not be settled for an hour, with a sentence', async () => {
    const jobs = replica(async () => 'busy');
    await jobs.queue.add(
      'die',
      { action: 'die', container_id: 'c', game_id: 'g', at_nanos: '1' },
      {
        timestamp: Date.now() - 3_700_000,
      },
    );
    expect((await ended(jobs, 'failed')).failedReason).to.match(/^service_unavailable: .*reconcile/);
  });

  for (const [what, data] of Object.entries({
    nothing: undefined,
    'another action': { action: 'explode', container_id: 'c', game_id: 'g', at_nanos: '1' },
    'a time that is none': { action: 'die', container_id: 'c', game_id: 'g', at_nanos: 'soon' },
  })) {
    it(`that somebody added by hand with ${what} fail, with a sentence, and reach nobody`, async () => {
      const jobs = replica(async () => {
        throw new Error('never to be asked');
      });
      await jobs.queue.add('die', data);
      expect((await ended(jobs, 'failed')).failedReason).to.match(/^invalid_request: /);
    });
  }
});
