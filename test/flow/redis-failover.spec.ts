import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { eventually } from '../helpers/eventually.ts';
import { STREAMS } from '../helpers/lobby.ts';
import { makeRedisWorld, type RedisServer, type RedisWorld, redisCheckOf } from '../helpers/redis-world.ts';

/** Longer than a failover should cost RTM, shorter than what an operator would notice as an outage. */
const SECONDS = { timeoutMs: 20_000 };

describe('a primary of Redis that becomes a replica, when the address moves to the new primary', () => {
  let world: RedisWorld;
  let rtm: Awaited<ReturnType<RedisWorld['start']>>;

  beforeEach(async () => {
    world = await makeRedisWorld();
  });
  afterEach(() => world?.[Symbol.asyncDispose]());

  const isReady = () =>
    eventually(async () => (await redisCheckOf(rtm)).status === 'ok', {
      what: 'a ready RTM',
      ...SECONDS,
    });
  /** A stop of a game that is not there: it ends without Docker. */
  const ask = async ({ client }: RedisServer, gameId: string = `game-${randomUUID()}`) => {
    const fields = { game_id: gameId, reason: 'admin_request', requested_at_ms: Date.now() };
    await client.xadd(STREAMS.stopJobs, '*', ...Object.entries(fields).flat());
    return gameId;
  };
  const answers = async ({ client }: RedisServer, gameId: string) =>
    (await client.xrange(STREAMS.jobResults, '-', '+')).filter(([, fields]) => fields.includes(gameId));
  const isAnswered = (server: RedisServer, gameId: string) =>
    eventually(async () => (await answers(server, gameId)).length > 0, {
      what: `the answer for ${gameId}`,
      ...SECONDS,
    });

  async function startBehind(primary: RedisServer): Promise<void> {
    await world.pointTo(primary);
    rtm = await world.start();
    await isReady();
  }
  const demote = ({ client }: RedisServer, to: RedisServer) => client.replicaof('127.0.0.1', to.port);
  const follows = ({ client }: RedisServer) =>
    eventually(async () => (await client.info('replication')).includes('master_link_status:up'), {
      what: 'the replica to be in step',
    });

  it('is left within seconds: what the new primary is asked for is done once', async () => {
    const [old, next] = [await world.serve(), await world.serve()];
    await demote(next, old);
    await follows(next);
    await startBehind(old);
    const before = await ask(old);
    await isAnswered(old, before);

    await next.client.replicaof('NO', 'ONE');
    await demote(old, next);
    await world.pointTo(next);
    const after = await ask(next);
    await isAnswered(next, after);
    await isReady();
    for (const gameId of [before, after]) {
      expect(await world.rows.operations(gameId)).to.have.length(1);
      expect(await answers(next, gameId)).to.have.length(1);
    }
  });

  it('is not worked with when the address still leads to it; the way is looked for until it moves', async () => {
    const [old, next] = [await world.serve(), await world.serve()];
    await startBehind(old);
    await demote(old, next);
    const failed = await eventually(
      async () => {
        const check = await redisCheckOf(rtm);
        return check.message?.includes('read-only replica') && check;
      },
      { what: 'a RTM that is not ready', ...SECONDS },
    );
    expect(failed.status).to.equal('failed');
    await world.pointTo(next);
    await isAnswered(next, await ask(next));
    await isReady();
  });

  it('publishes again what the new primary has never got', async () => {
    const [old, next] = [await world.serve(), await world.serve()];
    await startBehind(old);
    const gameId = await ask(old);
    await isAnswered(old, gameId);
    // The new primary was never in step: whatever the old one took is lost.
    await demote(old, next);
    await world.pointTo(next);
    await isAnswered(next, gameId);
    expect(await answers(next, gameId)).to.have.length(1);
    expect(await world.rows.operations(gameId)).to.have.length(1);
  });

  it('leaves a primary that was cut off from its replicas and takes nothing', async () => {
    const [old, next] = [await world.serve(['--min-replicas-to-write', '0']), await world.serve()];
    await startBehind(old);
    await old.client.config('SET', 'min-replicas-to-write', '1');
    await world.pointTo(next);
    await isAnswered(next, await ask(next));
    await isReady();
  });
});
