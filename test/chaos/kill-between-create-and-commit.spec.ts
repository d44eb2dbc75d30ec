import { expect } from 'chai';
import { containersOf } from '../helpers/containers.ts';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';
import { isCreate, isStart } from '../helpers/docker-proxy.ts';
import { entriesOf } from '../helpers/failed-start.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { STREAMS } from '../helpers/lobby.ts';
import { type KillableReplicas, type KillPoint, makeKillableReplicas } from './killable-replicas.ts';

const KILLS = 3;
const REPLICAS = 2;

const KILL_POINTS: readonly KillPoint[] = [
  { what: 'before the create reaches Docker', when: 'call', isIt: isCreate },
  { what: 'after the create', when: 'answer', isIt: isCreate },
  { what: 'after the start', when: 'answer', isIt: isStart },
];

interface Start {
  readonly gameId: string;
  readonly request: string;
  readonly killedAtMs: number;
  answeredMs?: number;
}

describe('a replica killed with SIGKILL between container create and commit, several times in a row', () => {
  let flow: Flow;
  let replicas: KillableReplicas;
  const starts: Start[] = [];

  before(async () => {
    flow = await makeFlow();
    replicas = await makeKillableReplicas(flow, REPLICAS);
  });
  after(async () => {
    await replicas?.close();
    await flow?.destroy();
    const took = starts.map(({ answeredMs = 0 }) => answeredMs).sort((left, right) => left - right);
    console.log(`      answered ${took.join(', ')} ms after the kill`);
  });

  // The next start does not wait until the one before has recovered: recoveries are killed half-way too.
  for (let kill = 0; kill < KILLS; kill += 1) {
    const point = KILL_POINTS[kill % KILL_POINTS.length] ?? expect.fail();
    it(`kill ${kill + 1}: ${point.what}`, async () => {
      const gameId = newGame();
      const killed = replicas.armKill(gameId, point);
      const request = await flow.lobby.start(gameId, GAME_IMAGE);
      const slot = await killed;
      starts.push({ gameId, request, killedAtMs: Date.now() });
      await replicas.revive(slot);
    });
  }

  it('each start is answered all the same, with success', async () => {
    for (const start of starts) {
      const answer = await flow.lobby.answerTo(start.request);
      start.answeredMs = Number.parseInt(answer.id, 10) - start.killedAtMs;
      expect(answer.fields).to.include({ outcome: 'success', error_code: '', error_message: '' });
    }
  });

  it('each start has left one container, one record, one outcome and one distinct answer', async () => {
    expect(starts).to.have.length(KILLS);
    for (const { gameId, request } of starts) {
      const operations = await flow.rows.operations(gameId);
      expect(operations).to.have.length(1);
      expect(operations[0]).to.include({ status: 'finished', outcome: 'success' });
      expect(operations[0]?.attempt).to.be.greaterThan(1);
      const record = await flow.rows.record(gameId);
      const containerId = record?.current_container_id;
      expect(record).to.include({ status: 'running' });
      const containers = await containersOf(gameId);
      expect(containers.map(({ Id, State }) => [Id, State.Running])).to.deep.equal([[containerId, true]]);

      const answers = await entriesOf(flow, STREAMS.jobResults, gameId);
      expect(new Set(answers.map(({ fields }) => JSON.stringify(fields))).size).to.equal(1);
      expect(answers[0]?.fields).to.include({ request_entry_id: request, container_id: containerId });
      const events = await entriesOf(flow, STREAMS.healthEvents, gameId);
      expect(new Set(events.map(({ fields }) => JSON.stringify(fields))).size).to.equal(1);
    }
  });

  it('no container is left over on the network', async () => {
    const found = await docker.listContainers({
      all: true,
      filters: { network: [flow.world.network.name] },
    });
    expect(found).to.have.length(KILLS);
  });
});
