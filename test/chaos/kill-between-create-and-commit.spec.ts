import { expect } from 'chai';
import { containersOf } from '../helpers/containers.ts';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';
import {
  type DockerCall,
  type DockerProxy,
  isCreate,
  isStart,
  makeDockerProxy,
} from '../helpers/docker-proxy.ts';
import { entriesOf } from '../helpers/failed-start.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { gameOfCall } from '../helpers/game-of-call.ts';
import { STREAMS } from '../helpers/lobby.ts';
import { type Replica, startReplica } from '../helpers/replica.ts';

const KILLS = 10;
const REPLICAS = 2;

/** Where the replica dies: on the way to Docker, or when Docker has done it and before the replica knows. */
interface KillPoint {
  readonly what: string;
  readonly when: 'call' | 'answer';
  readonly isIt: (call: DockerCall) => boolean;
}
const KILL_POINTS: readonly KillPoint[] = [
  { what: 'before the create reaches Docker', when: 'call', isIt: isCreate },
  { what: 'after the create', when: 'answer', isIt: isCreate },
  { what: 'after the start', when: 'answer', isIt: isStart },
];

/** A place for a replica, with a way to Docker of its own. */
interface Slot {
  readonly proxy: DockerProxy;
  replica: Replica;
}

interface Start {
  readonly gameId: string;
  readonly request: string;
  readonly killedAtMs: number;
  answeredMs?: number;
}

describe('a replica killed with SIGKILL between container create and commit, ten times in a row', () => {
  let flow: Flow;
  const slots: Slot[] = [];
  const starts: Start[] = [];

  before(async () => {
    flow = await makeFlow();
    for (let place = 0; place < REPLICAS; place += 1) {
      const proxy = await makeDockerProxy();
      slots.push({ proxy, replica: await startIn(proxy) });
    }
  });
  after(async () => {
    await Promise.all(slots.map(({ replica }) => replica.end('SIGKILL')));
    await Promise.all(slots.map(({ proxy }) => proxy.destroy()));
    await flow?.destroy();
    const took = starts.map(({ answeredMs = 0 }) => answeredMs).sort((left, right) => left - right);
    console.log(`      answered ${took.join(', ')} ms after the kill`);
  });

  const startIn = (proxy: DockerProxy): Promise<Replica> =>
    startReplica(flow.world.variables({ RTMANAGER_DOCKER_HOST: proxy.host }));

  /** Lets the replica that runs the game die at that point; resolves with its place when it is dead. */
  function armKill(gameId: string, { when, isIt }: KillPoint): Promise<Slot> {
    const { promise, resolve } = Promise.withResolvers<Slot>();
    let armed = true;
    for (const slot of slots) {
      const strike = async (call: DockerCall) => {
        if (!armed || !isIt(call) || (await gameOfCall(call)) !== gameId) return 'pass' as const;
        armed = false;
        await slot.replica.end('SIGKILL');
        resolve(slot);
        return 'cut' as const;
      };
      slot.proxy.onCall = when === 'call' ? strike : undefined;
      slot.proxy.onAnswer = when === 'answer' ? strike : undefined;
    }
    return promise;
  }

  // The next start does not wait until the one before has recovered: recoveries are killed half-way too.
  for (let kill = 0; kill < KILLS; kill += 1) {
    const point = KILL_POINTS[kill % KILL_POINTS.length] ?? expect.fail();
    it(`kill ${kill + 1}: ${point.what}`, async () => {
      const gameId = newGame();
      const killed = armKill(gameId, point);
      const request = await flow.lobby.start(gameId, GAME_IMAGE);
      const slot = await killed;
      starts.push({ gameId, request, killedAtMs: Date.now() });
      slot.replica = await startIn(slot.proxy);
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
