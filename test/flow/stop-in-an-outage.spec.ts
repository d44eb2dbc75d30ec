import { expect } from 'chai';
import { startReplica } from '../helpers/replica.ts';
import { makeWorld, type TestWorld } from '../helpers/rtm-env.ts';
import { makePostgresProxy, makeTcpProxy } from '../helpers/tcp-proxy.ts';

describe('SIGTERM during an outage', () => {
  let world: TestWorld;
  before(async () => {
    world = await makeWorld();
  });
  after(() => world?.destroy());

  it('ends the process in order when Redis is away', async () => {
    const [host = '', port] = world.redis.addr.split(':');
    const redis = await makeTcpProxy({ target: { host, port: Number(port) } });
    const replica = await startReplica(
      world.variables({
        RTMANAGER_REDIS_MASTER_ADDR: `${redis.host}:${redis.port}`,
        RTMANAGER_SHUTDOWN_TIMEOUT: '1s',
      }),
    );
    await redis.close();
    await replica.logged('Redis connection lost');

    const { code, signal } = await replica.end('SIGTERM');
    expect({ code, signal }).to.deep.equal({ code: 0, signal: null });
    await replica.logged('stopped');
  });

  it('ends the process when PostgreSQL has fallen silent', async () => {
    const postgres = await makePostgresProxy(world.database.dsn);
    const replica = await startReplica(
      world.variables({
        RTMANAGER_POSTGRES_PRIMARY_DSN: postgres.dsn,
        RTMANAGER_SHUTDOWN_TIMEOUT: '1s',
      }),
    );
    postgres.hush();

    const { code, signal } = await replica.end('SIGTERM');
    await postgres.close();
    expect({ code, signal }).to.deep.equal({ code: 0, signal: null });
  });
});
