import { rm } from 'node:fs/promises';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { findRedisServer } from '../../dev/machine/services.mjs';
import { makeRunDirectory } from '../../dev/services/run-directory.ts';
import { startRedis } from '../../dev/services/start-redis.ts';
import { shortId } from '../../dev/session.ts';
import type { Channel, Message } from '../../lib/messages.ts';
import { lockGames } from '../../sql/locks.ts';
import { addMessages } from '../../sql/outbox.ts';
import { eventually } from '../helpers/eventually.ts';
import { rejectionOf } from '../helpers/failure-of.ts';
import { makeLobby, STREAMS } from '../helpers/lobby.ts';
import { makeQueueSide, PREFIX, type QueueSide } from '../helpers/queue-side.ts';
import { makeRedis, type TestRedis } from '../helpers/redis.ts';
import { parseAddr } from '../helpers/redis-connection.ts';
import { makeStore, type Store } from '../helpers/store.ts';
import { makeTcpProxy } from '../helpers/tcp-proxy.ts';

describe('publishing', () => {
  let store: Store;
  let redis: TestRedis;
  const sides: QueueSide[] = [];

  before(async () => {
    store = await makeStore();
    redis = await makeRedis();
  });
  after(async () => {
    await redis?.release();
    await store?.destroy();
  });
  afterEach(async () => {
    for (const side of sides.splice(0)) await side[Symbol.asyncDispose]();
    await redis.client.flushdb();
    await store.clear();
  });

  async function makeSide(options: Partial<Parameters<typeof makeQueueSide>[0]> = {}) {
    const side = await makeQueueSide({ store, redis, ...options });
    sides.push(side);
    return side;
  }
  const message = (text: string, gameId = 'g', channel: Channel = 'job_results'): Message => ({
    channel,
    gameId,
    fields: { game_id: gameId, text },
  });
  const add = (...messages: Message[]) => addMessages(store.db, messages);
  const texts = async (stream: string = STREAMS.jobResults, gameId?: string) =>
    (await makeLobby(redis).entries(stream))
      .filter((entry) => gameId === undefined || entry.fields.game_id === gameId)
      .map((entry) => entry.fields.text);
  const waiting = async () =>
    (
      await store.rows<{ text: string }>(
        'select fields->1->>1 as text from rtmanager.outbox where published_at is null order by outbox_id',
      )
    ).map((row) => row.text);
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index));

  it('brings each message to its stream, fields in their order, and notes where it stands', async () => {
    const { outbox } = await makeSide();
    await add(
      message('1'),
      message('2', 'g', 'health_events'),
      message('3', '', 'dead_letters'),
      message('4', 'g', 'notification_intents'),
    );
    await outbox.publish(['g', '']);
    expect(await redis.client.xrange(STREAMS.jobResults, '-', '+'))
      .to.have.nested.property('0.1')
      .that.deep.equals(['game_id', 'g', 'text', '1']);
    expect([
      await texts(STREAMS.healthEvents),
      await texts(STREAMS.deadLetters),
      await texts(STREAMS.intents),
    ]).to.deep.equal([['2'], ['3'], ['4']]);
    const [[entryId] = []] = await redis.client.xrange(STREAMS.jobResults, '-', '+');
    const [row] = await store.rows(
      'select entry_id, published_at from rtmanager.outbox order by outbox_id limit 1',
    );
    expect(row?.entry_id).to.equal(entryId);
    expect(await waiting()).to.deep.equal([]);
  });

  it('publishes once, and only of the games that it is told', async () => {
    const { outbox } = await makeSide();
    await add(message('1', 'a'), message('2', 'b'));
    await outbox.publish(['a']);
    await outbox.publish(['a']);
    await outbox.publish([]);
    expect([await texts(), await waiting()]).to.deep.equal([['1'], ['2']]);
    await outbox.publishAll();
    expect(await texts()).to.deep.equal(['1', '2']);
  });

  it('publishes however many messages wait, in their order', async () => {
    const { outbox } = await makeSide();
    await add(...numbers(1_700).map((text, index) => message(text, `g${index % 3}`)));
    await outbox.publishAll();
    expect(await texts()).to.deep.equal(numbers(1_700));
  });

  it('keeps the order of each game, and doubles nothing, with several publishers at once', async () => {
    const [one, two] = [await makeSide(), await makeSide()];
    const games = numbers(8).map((name) => `g${name}`);
    for (let round = 0; round < 25; round += 1) {
      await add(...games.map((gameId) => message(String(round), gameId)));
      void Promise.allSettled([
        one.outbox.publish(games),
        two.outbox.publishAll(),
        one.outbox.publish(games.toReversed()),
      ]);
    }
    await eventually(
      async () => {
        await two.outbox.publishAll();
        return (await texts()).length >= 25 * games.length;
      },
      { what: 'everything to be published' },
    );
    for (const gameId of games) expect(await texts(STREAMS.jobResults, gameId)).to.deep.equal(numbers(25));
  });

  it('notes nothing while Redis is away, and publishes once when it is back', async () => {
    const proxy = await makeTcpProxy({ target: parseAddr(redis.addr) });
    try {
      const { outbox } = await makeSide({ redisThrough: proxy });
      await add(message('1'), message('2'));
      await proxy.close();
      await rejectionOf(outbox.publish(['g']));
      await rejectionOf(outbox.publishAll());
      expect(await waiting()).to.deep.equal(['1', '2']);
      await proxy.open();
      await eventually(() => outbox.publishAll().then(() => true), { what: 'Redis to be back' });
      expect([await texts(), await waiting()]).to.deep.equal([['1', '2'], []]);
    } finally {
      await proxy.close();
    }
  });

  it('repeats an entry rather than lose it when the answer of Redis is lost', async () => {
    const proxy = await makeTcpProxy({ target: parseAddr(redis.addr) });
    try {
      const { outbox } = await makeSide({ redisThrough: proxy });
      // Only the first time is a script sent as it stands.
      await add(message('0'));
      await outbox.publish(['g']);
      await add(message('1'));
      proxy.loseAnswerTo('evalsha');
      await outbox.publish(['g']).catch(() => undefined);
      await eventually(() => outbox.publishAll().then(() => true), { what: 'Redis to be back' });
      expect(await texts()).to.deep.equal(['0', '1', '1']);
      expect(await waiting()).to.deep.equal([]);
    } finally {
      await proxy.close();
    }
  });

  describe('with one stream that can not be written', () => {
    beforeEach(() => redis.client.set(STREAMS.deadLetters, 'not a stream'));

    const repaired = async ({ outbox }: QueueSide) => {
      await redis.client.del(STREAMS.deadLetters);
      await outbox.publishAll();
    };

    it('publishes what belongs to the others, and the rest in order when it can', async () => {
      const side = await makeSide();
      await add(
        message('1', 'g', 'dead_letters'),
        message('2'),
        message('3', 'g', 'dead_letters'),
        message('4', 'h'),
      );
      await side.outbox.publishAll().catch(() => undefined);
      expect([await texts(), await waiting()]).to.deep.equal([
        ['2', '4'],
        ['1', '3'],
      ]);
      await repaired(side);
      expect([await texts(STREAMS.deadLetters), await waiting()]).to.deep.equal([['1', '3'], []]);
    });

    it('publishes what belongs to the others also behind a thousand messages of one game', async () => {
      const side = await makeSide();
      await add(...numbers(1_000).map((text) => message(text, '', 'dead_letters')), message('last', ''));
      await side.outbox.publish(['']).catch(() => undefined);
      expect(await texts()).to.deep.equal(['last']);
      await repaired(side);
      expect(await texts(STREAMS.deadLetters)).to.deep.equal(numbers(1_000));
    });

    it('publishes what belongs to the others also behind a thousand games', async () => {
      const side = await makeSide();
      await add(
        ...numbers(1_000).map((text) => message(text, `a${text}`, 'dead_letters')),
        message('last', 'z'),
      );
      await side.outbox.publishAll().catch(() => undefined);
      expect(await texts()).to.deep.equal(['last']);
      await repaired(side);
      expect(await texts(STREAMS.deadLetters)).to.have.members(numbers(1_000));
    });
  });

  describe('after Redis lost its data', () => {
    it('publishes again what was lost, once, whoever notices', async () => {
      const [one, two] = [await makeSide(), await makeSide()];
      await add(...numbers(5).map((text) => message(text)));
      await one.outbox.publishAll();
      await redis.client.flushdb();
      await Promise.all([one.outbox.restoreLost(), two.outbox.restoreLost()]);
      await Promise.all([one.outbox.publishAll(), two.outbox.publishAll()]);
      await Promise.all([one.outbox.restoreLost(), two.outbox.restoreLost()]);
      await one.outbox.publishAll();
      expect(await texts()).to.deep.equal(numbers(5));
    });

    it('publishes again what was lost also when newer messages came first', async () => {
      const { outbox } = await makeSide();
      await add(message('lost'));
      await outbox.publishAll();
      await redis.client.flushdb();
      await add(message('of another game', 'h'));
      await outbox.publish(['h']);
      await outbox.restoreLost();
      await outbox.publishAll();
      expect((await texts()).toSorted()).to.deep.equal(['lost', 'of another game']);
    });

    it('keeps the order of a game whose next message leaves before anybody has noticed', async () => {
      const { outbox } = await makeSide();
      await add(message('1'), message('2'));
      await outbox.publishAll();
      await redis.client.flushdb();
      await add(message('3'));
      await outbox.publish(['g']);
      await outbox.restoreLost();
      await outbox.publishAll();
      expect(await texts()).to.deep.equal(['1', '2', '3']);
    });

    it('adds nothing to it in a batch that began before, whatever is lost in between', async () => {
      const { outbox } = await makeSide();
      await add(message('1'));
      await outbox.publishAll();
      await add(message('2'), message('of another game', 'h'));
      const end = await store.holding((transaction) => lockGames(transaction, 'publish', ['g', 'h']));
      // It has looked at Redis by the time it waits for the games.
      const published = outbox.publish(['g', 'h']);
      await store.blocked(1);
      await redis.client.flushdb();
      await end();
      await published;
      expect(await waiting()).to.deep.equal([]);
      expect(await texts(STREAMS.jobResults, 'g')).to.deep.equal(['1', '2']);
      expect(await texts(STREAMS.jobResults, 'h')).to.deep.equal(['of another game']);
    });

    it('keeps the order of a game also where another process of Redis has the marker of the one before', async () => {
      await using stack = new AsyncDisposableStack();
      const dir = await makeRunDirectory(`epoch-${shortId()}`);
      stack.defer(() => rm(dir, { recursive: true, force: true }));
      const server = stack.adopt(await startRedis(findRedisServer() ?? '', dir), (one) => one.stop());
      const client = stack.adopt(new Redis(server.port), (one) => one.disconnect());
      const addr = `127.0.0.1:${server.port}`;
      const own = { addr, db: 0, client, release: async () => undefined };
      const { outbox } = stack.use(await makeQueueSide({ store, redis: own }));
      const all = async () =>
        (await makeLobby(own).entries(STREAMS.jobResults)).map(({ fields }) => fields.text);

      await add(message('kept'));
      await outbox.publishAll();
      await client.save();
      await add(message('lost'));
      await outbox.publishAll();
      await add(message('last'));
      const end = await store.holding((transaction) => lockGames(transaction, 'publish', ['g']));
      const published = outbox.publish(['g']);
      await store.blocked(1);
      await server.kill();
      await server.start();
      await eventually(async () => (await outbox.restoreLost()) > 0, { what: 'the loss to be found' });
      await end();
      await published;
      expect(await all()).to.deep.equal(['kept', 'lost', 'last']);
    });

    it('leaves alone what Redis still has', async () => {
      const { outbox } = await makeSide();
      await add(message('kept'), message('lost'), message('kept too'));
      await outbox.publishAll();
      const kept = (await redis.client.xrange(STREAMS.jobResults, '-', '+')).filter(
        (_, index) => index !== 1,
      );
      await redis.client.flushdb();
      for (const [id, fields] of kept) await redis.client.xadd(STREAMS.jobResults, id, ...fields);
      expect(await outbox.restoreLost()).to.equal(1);
      await outbox.publishAll();
      expect(await texts()).to.deep.equal(['kept', 'kept too', 'lost']);
    });

    it('finds all of many', async () => {
      const { outbox } = await makeSide();
      await add(...numbers(1_300).map((text) => message(text)));
      await outbox.publishAll();
      await redis.client.flushdb();
      expect(await outbox.restoreLost()).to.equal(1_300);
      await outbox.publishAll();
      expect(await texts()).to.deep.equal(numbers(1_300));
    });

    it('does not take for lost what was trimmed', async () => {
      const { outbox } = await makeSide({ maxLen: 100 });
      await add(...numbers(450).map((text) => message(text)));
      await outbox.publishAll();
      const left = await texts();
      expect(left.length).to.be.within(100, 300);
      // Redis restarted and kept its data: everything is to be looked at.
      await redis.client.set(`${PREFIX}:epoch`, 'another life');
      expect(await outbox.restoreLost()).to.equal(0);
      await outbox.publishAll();
      expect(await texts()).to.deep.equal(left);
    });

    it('looks at nothing while Redis lives on', async () => {
      const { outbox } = await makeSide();
      await add(message('1'));
      await outbox.publishAll();
      await redis.client.xtrim(STREAMS.jobResults, 'MAXLEN', 0);
      expect(await outbox.restoreLost()).to.equal(0);
    });

    it('looks again when the process of Redis is another one', async () => {
      const { outbox } = await makeSide();
      await add(message('1'));
      await outbox.publishAll();
      await store.rows(
        "update rtmanager.outbox set redis_epoch = 'another process/' || split_part(redis_epoch, '/', 2)",
      );
      await redis.client.del(STREAMS.jobResults);
      expect(await outbox.restoreLost()).to.equal(1);
    });
  });

  it('forgets what was published more than an hour ago, and never what waits', async () => {
    const { outbox } = await makeSide();
    await add(...numbers(1_100).map((text) => message(text)));
    await outbox.publishAll();
    await store.rows(
      "update rtmanager.outbox set published_at = now() - interval '61 minutes' where outbox_id % 2 = 0",
    );
    await add(message('waits'));
    await store.rows("update rtmanager.outbox set created_at = now() - interval '1 day'");
    await outbox.prune();
    expect(await store.messages()).to.have.length(551);
    expect(await waiting()).to.deep.equal(['waits']);
  });
});
