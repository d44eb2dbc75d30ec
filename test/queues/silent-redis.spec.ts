import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { eventually } from '../helpers/eventually.ts';
import { makeRedis, type TestRedis } from '../helpers/redis.ts';
import { connectAs, parseAddr } from '../helpers/redis-connection.ts';
import { makeTcpProxy, type TcpProxy } from '../helpers/tcp-proxy.ts';

describe('a connection to Redis that falls silent for good', () => {
  let store: TestRedis;
  let proxy: TcpProxy;
  let redis: Redis | undefined;

  before(async () => {
    store = await makeRedis();
    proxy = await makeTcpProxy({ target: parseAddr(store.addr) });
  });
  afterEach(() => redis?.disconnect());
  after(async () => {
    await proxy?.close();
    await store?.release();
  });

  for (const role of ['fast', 'reader'] as const) {
    it(`is replaced when a command gets no answer: "${role}"`, async () => {
      redis = await connectAs(store, { role, through: proxy });
      const connection = redis;
      proxy.strand();
      const first = connection.ping().catch(() => 'failed');
      await eventually(async () => (await connection.ping()) === 'PONG', { what: 'an answer' });
      expect(await first).to.equal('failed');
    });
  }
});
