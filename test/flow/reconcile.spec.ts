import { expect } from 'chai';
import { containersOf, inspect, leaveContainer, ownLabels } from '../helpers/containers.ts';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';
import { eventually } from '../helpers/eventually.ts';
import { entriesOf } from '../helpers/failed-start.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { STREAMS } from '../helpers/lobby.ts';
import { bodyOf, makeRestClient } from '../helpers/rest-client.ts';
import { startRtm } from '../helpers/rtm.ts';

describe('what happens while no Runtime Manager is there (spec, section 5)', () => {
  let flow: Flow;
  before(async () => {
    flow = await makeFlow();
  });
  after(() => flow?.destroy());

  it('is found when one starts: on real Docker, with its dry run', async function () {
    this.timeout(60_000);
    const [exits, lost, byHand, unknown, fine] = ['exits', 'lost', 'by-hand', 'unknown', 'fine'].map(
      newGame,
    ) as [string, string, string, string, string];
    const ids: Record<string, string> = {};
    {
      await using _rtm = await startRtm(flow.world, { RTMANAGER_CONTAINER_STOP_TIMEOUT_SECONDS: '1' });
      for (const gameId of [exits, lost, byHand, fine]) {
        const { fields } = await flow.lobby.answerTo(await flow.lobby.start(gameId, GAME_IMAGE));
        ids[gameId] = fields.container_id ?? '';
      }
      await flow.lobby.answerTo(await flow.lobby.stop(byHand));
    }
    await docker.getContainer(ids[exits] ?? '').kill();
    await docker.getContainer(ids[lost] ?? '').remove({ force: true });
    await docker.getContainer(ids[byHand] ?? '').start();
    const network = flow.world.network.name;
    const adopted = await leaveContainer({ name: `left-${unknown}`, network, labels: ownLabels(unknown) });
    // Somebody else's, by its network: another Runtime Manager on the same Docker.
    const elsewhere = await leaveContainer({
      name: `elsewhere-${unknown}`,
      network: 'none',
      labels: ownLabels(newGame('neighbour')),
    });

    try {
      await using rtm = await startRtm(flow.world);
      const statusOf = async (gameId: string) => (await flow.rows.record(gameId))?.status;
      const wanted = { [exits]: 'stopped', [lost]: 'removed', [byHand]: 'running', [unknown]: 'running' };
      await eventually(
        async () => {
          for (const [gameId, status] of Object.entries(wanted)) {
            if ((await statusOf(gameId)) !== status) return false;
          }
          return true;
        },
        { what: 'all records to be in step' },
      );
      expect(await statusOf(fine)).to.equal('running');
      expect((await flow.rows.record(unknown))?.current_container_id).to.equal(adopted);
      const told = async (gameId: string) =>
        (await entriesOf(flow, STREAMS.healthEvents, gameId)).map(({ fields }) => fields.event_type);
      await eventually(async () => (await told(lost)).length === 2 && (await told(exits)).length === 2, {
        what: 'both deaths to be told',
      });
      expect(await told(exits)).to.deep.equal(['container_started', 'container_exited']);
      expect(await told(lost)).to.deep.equal(['container_started', 'container_disappeared']);
      for (const [gameId, kind] of Object.entries({
        [exits]: 'reconcile_exit',
        [lost]: 'reconcile_dispose',
        [byHand]: 'reconcile_adopt',
        [unknown]: 'reconcile_adopt',
      })) {
        expect((await flow.rows.operations(gameId)).at(-1), gameId).to.include({
          op_kind: kind,
          op_source: 'auto_reconcile',
          outcome: 'success',
        });
      }
      expect((await inspect(elsewhere))?.State.Running).to.equal(true);
      expect((await containersOf(fine)).map(({ Id }) => Id)).to.deep.equal([ids[fine]]);

      const plan = bodyOf(await makeRestClient(rtm.url).get('/reconcile/plan'));
      expect(plan).to.deep.include({
        records: 4,
        containers: 4,
        in_step: 4,
        steps: [],
        docker_network: network,
      });
    } finally {
      await docker.getContainer(elsewhere).remove({ force: true, v: true });
    }
  });
});
