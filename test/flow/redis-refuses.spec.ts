import { expect } from 'chai';
import { toLogValue } from '../../lib/log-value.ts';
import { eventually } from '../helpers/eventually.ts';
import { STREAMS } from '../helpers/lobby.ts';
import {
  makeRedisWorld,
  type RedisCheck,
  type RedisServer,
  type RedisWorld,
  redisCheckOf,
} from '../helpers/redis-world.ts';
import type { RtmVariables } from '../helpers/rtm-env.ts';

type Rtm = Awaited<ReturnType<RedisWorld['start']>>;

const UP_MS = { timeoutMs: 30_000 };

describe('a Redis that RTM cannot work with', () => {
  let world: RedisWorld;
  beforeEach(async () => {
    world = await makeRedisWorld();
  });
  afterEach(() => world?.[Symbol.asyncDispose]());

  const upBehind = async (server: RedisServer, overrides: RtmVariables = {}): Promise<Rtm> => {
    await world.pointTo(server);
    return world.start(overrides);
  };
  const spawned = async (server: RedisServer, overrides: RtmVariables = {}) => {
    await world.pointTo(server);
    const replica = world.spawn(overrides);
    await replica.logged('Runtime Manager is up');
    return replica;
  };
  const isReady = (rtm: { readonly url: string }) =>
    eventually(
      async () => {
        const check = await redisCheckOf(rtm);
        expect(check).to.include({ status: 'ok' });
        return check;
      },
      { what: 'a ready RTM', ...UP_MS },
    );
  const failure = (rtm: { readonly url: string }, text: RegExp): Promise<RedisCheck> =>
    eventually(
      async () => {
        const check = await redisCheckOf(rtm);
        expect(check.status).to.equal('failed');
        expect(check.message).to.match(text);
        return check;
      },
      { what: `/readyz to say ${text}`, ...UP_MS },
    );
  const isLogged = ({ log }: Pick<Rtm, 'log'>, text: RegExp) =>
    expect(JSON.stringify(toLogValue(log.lines))).to.match(text);
  const keysOf = async ({ client }: RedisServer) => (await client.info('keyspace')).match(/^db\d+/gm) ?? [];

  it('without the database of RTMANAGER_REDIS_DB: RTM does not start, and says how many there are', async () => {
    const server = await world.serve(['--databases', '4']);
    await world.pointTo(server);
    const replica = world.spawn({ RTMANAGER_REDIS_DB: '99' });
    const { code } = await replica.exited;
    expect(code).to.equal(1);
    expect(JSON.stringify(replica.lines)).to.match(/RTMANAGER_REDIS_DB=99.*has 4 databases, 0 to 3/);
    expect(await keysOf(server)).to.deep.equal([]);
  });

  it('without that database, and away at the start: RTM is not ready and touches no other database', async () => {
    await world.address.open();
    await world.address.close();
    const replica = await world.start({ RTMANAGER_REDIS_DB: '3' });
    const small = await world.serve(['--databases', '2']);
    await world.pointTo(small);
    await small.client.xadd(STREAMS.stopJobs, '*', 'game_id', 'game-1', 'reason', 'admin_request');
    await failure(replica, /RTMANAGER_REDIS_DB=3.*has 2 databases, 0 to 1/);
    const large = await world.serve();
    // The same as a restart with another configuration: the old connections break, the new ones find it.
    await world.address.close();
    await world.pointTo(large);
    await isReady(replica);
    await world.address.close();
    await world.pointTo(small);
    await failure(replica, /RTMANAGER_REDIS_DB=3/);
    expect(await keysOf(small)).to.deep.equal(['db0']);
    expect(await small.client.dbsize()).to.equal(1);
    expect(await keysOf(large)).to.deep.equal(['db3']);
  });

  it('because it is a Redis Cluster', async () => {
    const server = await world.serve(['--cluster-enabled', 'yes']);
    await server.client.cluster('ADDSLOTSRANGE' as 'ADDSLOTS', 0, 16_383);
    const replica = await upBehind(server);
    await failure(replica, /Redis Cluster/);
    isLogged(replica, /Redis Cluster/);
    expect(await server.client.dbsize()).to.equal(0);
  });

  it('because it is a Redis Cluster, also with a database that no Cluster has', async () => {
    const server = await world.serve(['--cluster-enabled', 'yes']);
    const replica = await upBehind(server, { RTMANAGER_REDIS_DB: '1' });
    await failure(replica, /Redis Cluster/);
  });

  it('because it refuses the password, and takes another one', async () => {
    const server = await world.serve();
    await server.client.config('SET', 'requirepass', 'right');
    const replica = await upBehind(server, { RTMANAGER_REDIS_PASSWORD: 'wr0ng-secret' });
    await failure(replica, /refuses the password.*RTMANAGER_REDIS_PASSWORD/);
    isLogged(replica, /refuses the password/);
    expect(JSON.stringify(toLogValue(replica.log.lines))).not.to.include('wr0ng-secret');
    await server.client.config('SET', 'requirepass', 'wr0ng-secret');
    await isReady(replica);
  });

  it('because it asks for a password and there is none', async () => {
    const server = await world.serve();
    await server.client.config('SET', 'requirepass', 'right');
    await failure(await upBehind(server), /asks for a password.*RTMANAGER_REDIS_PASSWORD/);
  });

  for (const [what, rule, text] of [
    ['a key', ['resetkeys', '~rtm-*'], /NOPERM.*keys/],
    ['a command', ['-xread'], /NOPERM.*xread/],
  ] as const) {
    it(`because its user may not use ${what}`, async () => {
      const server = await world.serve();
      await server.client.call('ACL', 'SETUSER', 'default', ...rule);
      const replica = await upBehind(server);
      await failure(replica, text);
    });
  }

  it('because commands of it have other names', async () => {
    const server = await world.serve(['--rename-command', 'XREAD', '']);
    await failure(await upBehind(server), /unknown.*command/i);
  });

  it('because it has too many clients', async () => {
    const server = await world.serve();
    const replica = await upBehind(server);
    await isReady(replica);
    await server.client.config('SET', 'maxclients', '1');
    await world.address.close();
    await world.address.open();
    await failure(replica, /max number of clients reached/);
  });

  it('because it does not speak TLS', async () => {
    await failure(
      await upBehind(await world.serve(), { RTMANAGER_REDIS_TLS: 'true' }),
      /RTMANAGER_REDIS_TLS/,
    );
  });

  it('which evicts keys is worked with, under a warning in the log and in /readyz, and nothing else is printed', async () => {
    const server = await world.serve(['--maxmemory-policy', 'allkeys-lru']);
    const replica = await spawned(server);
    const check = await isReady(replica);
    expect(check.warnings?.join()).to.match(/maxmemory-policy.*allkeys-lru.*noeviction/);
    expect(JSON.stringify(replica.lines)).to.match(/Redis has an unsafe configuration.*allkeys-lru/);
    expect(replica.stderr).to.equal('');
    await server.client.config('SET', 'maxmemory-policy', 'noeviction');
    await eventually(async () => (await redisCheckOf(replica)).warnings === undefined, {
      what: 'the warning to go',
      ...UP_MS,
    });
  });

  it('because its user may not run INFO; nothing raw is printed', async () => {
    const server = await world.serve();
    await server.client.call('ACL', 'SETUSER', 'default', '-info');
    const replica = await spawned(server);
    await failure(replica, /may not run INFO/);
    expect(replica.stderr).to.equal('');
  });

  it('which needs no password although one is given is worked with; nothing raw is printed', async () => {
    const replica = await spawned(await world.serve(), { RTMANAGER_REDIS_PASSWORD: 'needless' });
    await isReady(replica);
    expect(JSON.stringify(replica.lines)).to.match(/does not require a password/);
    expect(replica.stderr).to.equal('');
  });
});
