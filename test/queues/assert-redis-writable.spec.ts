import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { findRedisServer } from '../../dev/machine/services.mjs';
import { startRedis } from '../../dev/services/start-redis.ts';
import { assertRedisWritable } from '../../queues/assert-redis-writable.ts';
import { rejectionOf } from '../helpers/failure-of.ts';

describe('whether Redis takes anything', () => {
  const stack = new AsyncDisposableStack();
  let redis: Redis;

  before(async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'rtm-redis-'));
    stack.defer(() => rm(dir, { recursive: true }));
    const server = stack.adopt(await startRedis(findRedisServer() ?? '', dir), (one) => one.stop());
    redis = stack.adopt(new Redis({ port: server.port }), (one) => one.disconnect());
  });
  after(() => stack.disposeAsync());

  it('it does, as a rule', () => assertRedisWritable(redis, 'rtm'));

  it('not without memory, although it answers', async () => {
    await redis.config('SET', 'maxmemory', '1');
    expect(await redis.ping()).to.equal('PONG');
    expect((await rejectionOf(assertRedisWritable(redis, 'rtm'))).message).to.match(/^OOM/);
    await redis.config('SET', 'maxmemory', '0');
    await assertRedisWritable(redis, 'rtm');
  });

  it('not as the replica of another one, although it answers', async () => {
    await redis.replicaof('127.0.0.1', '1');
    expect((await rejectionOf(assertRedisWritable(redis, 'rtm'))).message).to.match(/^READONLY/);
    await redis.replicaof('NO', 'ONE');
    await assertRedisWritable(redis, 'rtm');
  });
});
