import { expect } from 'chai';
import { eventually } from '../helpers/eventually.ts';
import { type Lobby, makeLobby, STREAMS } from '../helpers/lobby.ts';
import { makeQueueSide } from '../helpers/queue-side.ts';
import { makeRedis, type TestRedis } from '../helpers/redis.ts';
import { parseAddr } from '../helpers/redis-connection.ts';
import { makeStore, type Store } from '../helpers/store.ts';
import { makePostgresProxy, makeTcpProxy } from '../helpers/tcp-proxy.ts';

/** Sessions that hold the pump lock; see sql/locks.ts. */
const LEADERS = `select pid from pg_locks where locktype = 'advisory' and classid = ${0x52544d03}
  and granted and database = (select oid from pg_database where datname = current_database())`;

describe('the pump', () => {
  let store: Store;
  let redis: TestRedis;
  let lobby: Lobby;

  before(async () => {
    store = await makeStore();
    redis = await makeRedis();
    lobby = makeLobby(redis);
  });
  after(async () => {
    await redis?.release();
    await store?.destroy();
  });
  afterEach(async () => {
    await redis.client.flushdb();
    await store.clear();
  });

  const accepted = async () =>
    (
      await store.rows<{ source_ref: string }>('select source_ref from rtmanager.operation_log order by seq')
    ).map((row) => row.source_ref);
  const untilAccepted = (count: number) =>
    eventually(async () => (await accepted()).length >= count, { what: `${count} accepted operations` });
  const leaders = async () => (await store.rows<{ pid: number }>(LEADERS)).map((row) => row.pid);
  const write = (index: number) => lobby.start(`g${index % 20}`, `engine:${index}`);
  const refs = (ids: readonly string[], stream = STREAMS.startJobs) => ids.map((id) => `${stream}/${id}`);

  it('queues every request in its order, and gives each game a job', async () => {
    await using replica = await makeQueueSide({ store, redis });
    await replica.startPump();
    const ids = [
      await lobby.start('b', 'engine:1'),
      await lobby.start('a', 'engine:1'),
      await lobby.stop('a'),
    ];
    await untilAccepted(3);
    expect(await accepted()).to.deep.equal([
      `${STREAMS.startJobs}/${ids[0]}`,
      `${STREAMS.startJobs}/${ids[1]}`,
      `${STREAMS.stopJobs}/${ids[2]}`,
    ]);
    const jobs = await eventually(
      async () => {
        const all = await Promise.all(replica.dispatcher.queues.map((queue) => queue.getJobs()));
        return all.flat().length === 2 && all.flat();
      },
      { what: 'one job a game' },
    );
    expect(jobs.map((job) => job.data.game_id).toSorted()).to.deep.equal(['a', 'b']);
  });

  it('keeps its lock and its session while there is nothing to pump', async () => {
    await using replica = await makeQueueSide({ store, redis, pumpSilenceMs: 200 });
    await replica.startPump();
    const [leader] = await eventually(async () => (await leaders()).length === 1 && leaders(), {
      what: 'a leader',
    });
    // A session that PostgreSQL has not ended in five times its silence is kept alive.
    const age = `select now() - backend_start > interval '1.5 s' as old from pg_stat_activity where pid = $1`;
    await eventually(async () => (await store.rows(age, [leader]))[0]?.old !== false, {
      what: 'the session to grow old, or to end',
    });
    expect(await leaders()).to.deep.equal([leader]);
    expect(replica.log.lines.filter((line) => line.message.startsWith('pump interrupted'))).to.deep.equal([]);
  });

  it('takes what was written while nobody pumped, from its very beginning', async () => {
    const ids = [];
    for (let index = 0; index < 30; index += 1) ids.push(await write(index));
    await using replica = await makeQueueSide({ store, redis });
    await replica.startPump();
    await untilAccepted(30);
    expect(await accepted()).to.deep.equal(refs(ids));
  });

  it('takes entries of a megabyte each that nothing can be made of, and what stands behind them', async () => {
    await using replica = await makeQueueSide({ store, redis });
    // Eleven characters a byte in the statement that keeps them: together more than a text may be long.
    const noText = Buffer.alloc(256 * 1024, 0xff);
    for (let count = 0; count < 60; count += 1)
      await lobby.write(STREAMS.startJobs, {
        game_id: `g${count}`,
        a: noText,
        b: noText,
        c: noText,
        d: noText,
      });
    const id = await lobby.start('behind', 'engine:1');
    await replica.startPump();
    await untilAccepted(1);
    expect(await accepted()).to.deep.equal(refs([id]));
    await eventually(async () => (await lobby.entries(STREAMS.deadLetters)).length === 60, {
      what: 'all letters',
    });
    expect(replica.log.lines.filter(({ message }) => message.startsWith('pump interrupted'))).to.deep.equal(
      [],
    );
  });

  it('keeps the order of 2,000 entries with 500 poison ones among them, and answers each of those', async () => {
    const pipeline = redis.client.pipeline();
    const isPoison = (index: number) => index % 4 === 3;
    for (let index = 0; index < 2_000; index += 1) {
      const image = isPoison(index) ? [] : ['image_ref', `engine:${index}`];
      pipeline.xadd(STREAMS.startJobs, '*', 'game_id', `g${index % 50}`, ...image, 'requested_at_ms', '1');
    }
    const ids = ((await pipeline.exec()) ?? []).map(([, id]) => String(id));
    await using replica = await makeQueueSide({ store, redis });
    await replica.startPump();
    const answers = await eventually(
      async () => {
        const entries = await lobby.entries(STREAMS.jobResults);
        return entries.length === 500 && entries;
      },
      { what: 'the answers to 500 poison entries' },
    );
    await untilAccepted(1_500);
    const poison = ids.filter((_, index) => isPoison(index));
    expect(await accepted()).to.deep.equal(refs(ids.filter((_, index) => !isPoison(index))));
    expect(answers.map((entry) => entry.fields.request_entry_id)).to.deep.equal(poison);
    const letters = await lobby.entries(STREAMS.deadLetters);
    expect(letters.map((entry) => entry.fields.source_entry_id)).to.deep.equal(poison);
  });

  describe('of several replicas', () => {
    it('is one', async () => {
      await using first = await makeQueueSide({ store, redis, name: 'first' });
      await using second = await makeQueueSide({ store, redis, name: 'second' });
      await Promise.all([first.startPump(), second.startPump()]);
      const ids = [];
      for (let index = 0; index < 20; index += 1) ids.push(await write(index));
      await untilAccepted(20);
      expect(await accepted()).to.deep.equal(refs(ids));
      expect(await leaders()).to.have.length(1);
    });

    it('is another one as soon as one stops', async () => {
      await using first = await makeQueueSide({ store, redis, name: 'first' });
      await using second = await makeQueueSide({ store, redis, name: 'second' });
      const pump = await first.startPump();
      await eventually(async () => (await leaders()).length === 1, { what: 'the first to pump' });
      const [leader] = await leaders();
      await second.startPump();
      await pump.close();
      const id = await write(1);
      await untilAccepted(1);
      expect(await accepted()).to.deep.equal(refs([id]));
      expect(await leaders()).to.not.include(leader);
    });

    it('loses and doubles nothing when its session is terminated again and again (failure mode 19)', async () => {
      await using first = await makeQueueSide({ store, redis, name: 'first' });
      await using second = await makeQueueSide({ store, redis, name: 'second' });
      await Promise.all([first.startPump(), second.startPump()]);
      const ids: string[] = [];
      for (const kill of [1, 2, 3]) {
        const pids = await eventually(async () => (await leaders()).length === 1 && leaders(), {
          what: 'a leader',
        });
        const terminated = store.rows('select pg_terminate_backend($1::int)', pids);
        for (let index = 0; index < 60; index += 1) ids.push(await write(index));
        await terminated;
        await eventually(async () => (await accepted()).length === ids.length, {
          what: `all after kill ${kill}`,
        });
        expect(await leaders()).to.not.include(pids[0]);
      }
      expect(await accepted()).to.deep.equal(refs(ids));
    });
  });

  it('goes on when Redis was away', async () => {
    const proxy = await makeTcpProxy({ target: parseAddr(redis.addr) });
    try {
      await using replica = await makeQueueSide({ store, redis, redisThrough: proxy });
      await replica.startPump();
      const ids = [await write(0)];
      await untilAccepted(1);
      await proxy.close();
      for (let index = 1; index < 10; index += 1) ids.push(await write(index));
      await proxy.open();
      await untilAccepted(10);
      expect(await accepted()).to.deep.equal(refs(ids));
    } finally {
      await proxy.close();
    }
  });

  it('goes on when Redis fell silent without breaking the connection', async () => {
    const proxy = await makeTcpProxy({ target: parseAddr(redis.addr) });
    try {
      await using replica = await makeQueueSide({ store, redis, redisThrough: proxy });
      await replica.startPump();
      const ids = [await write(0)];
      await untilAccepted(1);
      proxy.hush();
      for (let index = 1; index < 10; index += 1) ids.push(await write(index));
      // Only a reader that gives up the silent connection ever gets through again.
      await eventually(() => replica.log.lines.some((line) => line.message.includes('pump interrupted')), {
        what: 'the silence to be noticed',
      });
      proxy.speak();
      await untilAccepted(10);
      expect(await accepted()).to.deep.equal(refs(ids));
    } finally {
      await proxy.close();
    }
  });

  it('goes on when PostgreSQL was away', async () => {
    const proxy = await makePostgresProxy(store.dsn);
    try {
      await using replica = await makeQueueSide({ store, redis, postgresThrough: proxy });
      await replica.startPump();
      const ids = [await write(0)];
      await untilAccepted(1);
      await proxy.close();
      for (let index = 1; index < 10; index += 1) ids.push(await write(index));
      await proxy.open();
      await untilAccepted(10);
      expect(await accepted()).to.deep.equal(refs(ids));
    } finally {
      await proxy.close();
    }
  });

  describe('whose stream was lost and made anew with lower ids', () => {
    const writeAs = (id: string, gameId: string) =>
      redis.client.xadd(
        STREAMS.startJobs,
        id,
        'game_id',
        gameId,
        'image_ref',
        'engine:1',
        'requested_at_ms',
        '1',
      );

    it('reads it again from its beginning, and takes what it had accepted for what it is', async () => {
      await using replica = await makeQueueSide({ store, redis });
      await replica.startPump();
      await writeAs('100-0', 'a');
      await writeAs('200-0', 'b');
      await untilAccepted(2);
      await redis.client.del(STREAMS.startJobs);
      await writeAs('50-0', 'c');
      await writeAs('100-0', 'a');
      await writeAs('150-0', 'd');
      await untilAccepted(4);
      await writeAs('151-0', 'e');
      await untilAccepted(5);
      expect(await accepted()).to.deep.equal(refs(['100-0', '200-0', '50-0', '150-0', '151-0']));
    });

    it('takes nothing again that is so old that the log has forgotten it', async () => {
      await store.rows(`update rtmanager.deployment set operations_kept_from = to_timestamp(0.120)`);
      await using replica = await makeQueueSide({ store, redis });
      await replica.startPump();
      await writeAs('200-0', 'b');
      await untilAccepted(1);
      await redis.client.del(STREAMS.startJobs);
      await writeAs('119-9', 'forgotten');
      await writeAs('150-0', 'd');
      await untilAccepted(2);
      expect(await accepted()).to.deep.equal(refs(['200-0', '150-0']));
    });

    it('does so also while the other stream is never empty', async () => {
      await using replica = await makeQueueSide({ store, redis });
      await replica.startPump();
      await writeAs('100-0', 'a');
      await untilAccepted(1);
      await redis.client.del(STREAMS.startJobs);
      const busy = new AbortController();
      const writing = (async () => {
        for (let turn = 0; !busy.signal.aborted; turn += 1) await lobby.stop(`busy${turn % 5}`);
      })();
      try {
        await writeAs('50-0', 'c');
        await eventually(async () => (await accepted()).includes(`${STREAMS.startJobs}/50-0`), {
          what: 'the entry with the lower id',
          timeoutMs: 5_000,
        });
      } finally {
        busy.abort();
        await writing;
      }
    });

    it('leaves a stream alone that was only trimmed, or emptied entry by entry', async () => {
      await using replica = await makeQueueSide({ store, redis });
      await replica.startPump();
      const ids = [await write(0), await write(1)];
      await untilAccepted(2);
      await redis.client.xtrim(STREAMS.startJobs, 'MAXLEN', 0);
      await redis.client.xdel(STREAMS.startJobs, ids[1] ?? '');
      ids.push(await write(2));
      await untilAccepted(3);
      expect(await accepted()).to.deep.equal(refs(ids));
      expect(replica.log.lines.filter((line) => line.message.includes('lost entries'))).to.deep.equal([]);
    });
  });

  it('stops at once, also while it waits for entries, and leaves the lock to others', async () => {
    await using replica = await makeQueueSide({ store, redis });
    const pump = await replica.startPump();
    await eventually(async () => (await leaders()).length === 1, { what: 'a leader' });
    await pump.close();
    expect(await leaders()).to.deep.equal([]);
    await write(1);
    expect(await accepted()).to.deep.equal([]);
  });
});
