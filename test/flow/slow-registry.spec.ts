import { expect } from 'chai';
import { GAME_IMAGE } from '../helpers/docker.ts';
import { eventually } from '../helpers/eventually.ts';
import { type FakeRegistry, makeFakeRegistry } from '../helpers/fake-registry.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';

const HUNG_GAMES = 8;

describe('failure mode 14: a registry that never answers holds up only its own images', () => {
  let flow: Flow;
  let rtm: Rtm;
  let registry: FakeRegistry;

  before(async () => {
    flow = await makeFlow();
    registry = await makeFakeRegistry({ mood: 'silent' });
    rtm = await startRtm(flow.world, {
      // One slot, one queue: whatever a waiting game holds, the next one misses.
      RTMANAGER_LIFECYCLE_CONCURRENCY: '1',
      RTMANAGER_LIFECYCLE_QUEUES: '1',
      RTMANAGER_SHUTDOWN_TIMEOUT: '200ms',
    });
  });
  after(async () => {
    await rtm?.close();
    await registry?.close();
    await flow?.destroy();
  });

  it('eight games that wait for it hold no slot, and another game starts as ever', async () => {
    for (let game = 0; game < HUNG_GAMES; game += 1) {
      await flow.lobby.start(newGame(), `${registry.host}/engines/${newGame()}:1.0.0`);
    }
    await eventually(async () => (await running()) === HUNG_GAMES, {
      what: `${HUNG_GAMES} operations to wait for their pull`,
    });
    const { fields } = await flow.lobby.answerTo(await flow.lobby.start(newGame(), GAME_IMAGE));
    expect(fields).to.include({ outcome: 'success', error_message: '' });
    expect(await running(), 'still waiting').to.equal(HUNG_GAMES);
  });

  async function running(): Promise<number> {
    return (await flow.rows.query("select 1 from rtmanager.operation_log where status = 'running'")).length;
  }
});
