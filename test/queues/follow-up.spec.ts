import { expect } from 'chai';
import { makeFollowUp } from '../../queues/follow-up.ts';
import { lockGames } from '../../sql/locks.ts';
import { addMessages } from '../../sql/outbox.ts';
import { eventually } from '../helpers/eventually.ts';
import { makeLobby, STREAMS } from '../helpers/lobby.ts';
import { makeQueueSide, type QueueSide } from '../helpers/queue-side.ts';
import { makeRedis, type TestRedis } from '../helpers/redis.ts';
import { makeStore, type Store } from '../helpers/store.ts';

describe('the follow-up of a run', () => {
  let store: Store;
  let redis: TestRedis;
  let side: QueueSide;

  before(async () => {
    store = await makeStore();
    redis = await makeRedis();
    side = await makeQueueSide({ store, redis });
  });
  after(async () => {
    await side[Symbol.asyncDispose]();
    await redis.release();
    await store.destroy();
  });
  afterEach(async () => {
    await store.clear();
    await redis.client.flushdb();
  });

  const follow = (batchMs?: number) =>
    makeFollowUp({ ...side, ...(batchMs === undefined ? {} : { batchMs }) });
  const addAnswers = (...gameIds: string[]) =>
    addMessages(
      store.db,
      gameIds.map((gameId) => ({ channel: 'job_results', gameId, fields: { game_id: gameId } })),
    );
  const published = async () =>
    (await makeLobby(redis).entries(STREAMS.jobResults)).map((entry) => entry.fields.game_id);
  const waitingJobs = async () =>
    (await Promise.all(side.dispatcher.queues.map((queue) => queue.getPrioritized())))
      .flat()
      .map((job) => job.data.game_id)
      .toSorted();

  it('publishes what every game has to say, and gives a job to those with more to do', async () => {
    const games = Array.from({ length: 20 }, (_, index) => `g${String(index).padStart(2, '0')}`);
    await addAnswers(...games);
    await store.queue(...games.slice(0, 5).map((gameId) => ({ gameId })));
    const followUp = follow();
    await Promise.all(games.map((gameId) => followUp(gameId)));
    expect(await published()).to.have.members(games);
    expect(await waitingJobs()).to.deep.equal(games.slice(0, 5));
  });

  it('of one game holds up that of others no longer than a batch may take', async () => {
    await addAnswers('held', 'free');
    // As a replica does that was paused while it published.
    const end = await store.holding((transaction) => lockGames(transaction, 'publish', ['held']));
    const followUp = follow(200);
    await Promise.all([followUp('held'), followUp('free')]);
    expect(await published()).to.deep.equal(['free']);
    expect(side.log.lines.filter((line) => line.message === 'follow-up is left to repair')).to.have.length(1);
    await end();
    await eventually(async () => (await published()).length === 2, { what: 'the held one to leave' });
    expect(await published()).to.deep.equal(['free', 'held']);
  });
});
