import { expect } from 'chai';
import { containersOf } from '../helpers/containers.ts';
import { GAME_IMAGE, GAME_IMAGE_PATCHED } from '../helpers/docker.ts';
import { isCreate, isRemove, isStart } from '../helpers/docker-proxy.ts';
import { entriesOf } from '../helpers/failed-start.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { STREAMS } from '../helpers/lobby.ts';
import { makeRestClient } from '../helpers/rest-client.ts';
import { type KillableReplicas, type KillPoint, makeKillableReplicas } from './killable-replicas.ts';

const POINTS: readonly KillPoint[] = [
  { what: 'after the old container went', when: 'answer', isIt: isRemove },
  { what: 'after the create', when: 'answer', isIt: isCreate },
  { what: 'after the start', when: 'answer', isIt: isStart },
];

interface Replacement {
  readonly kind: 'restart' | 'patch';
  /** Both take the same way, and the crash matrix kills at every other point; a container is a few seconds. */
  readonly points: readonly KillPoint[];
  readonly body: object;
  readonly image: string;
}
const KINDS: readonly Replacement[] = [
  { kind: 'restart', points: POINTS.slice(-1), body: {}, image: GAME_IMAGE },
  {
    kind: 'patch',
    points: POINTS.slice(0, -1),
    body: { image_ref: GAME_IMAGE_PATCHED },
    image: GAME_IMAGE_PATCHED,
  },
];

describe('a replica killed with SIGKILL in the middle of a restart or patch', () => {
  let flow: Flow;
  let replicas: KillableReplicas;
  const games: { gameId: string; first: string; replacement: Replacement }[] = [];

  before(async () => {
    flow = await makeFlow();
    replicas = await makeKillableReplicas(flow, 2, { RTMANAGER_CONTAINER_STOP_TIMEOUT_SECONDS: '5' });
  });
  after(async () => {
    await replicas?.close();
    await flow?.destroy();
  });

  // The next one does not wait until the one before has recovered: recoveries are killed half-way too.
  for (const replacement of KINDS) {
    for (const point of replacement.points) {
      it(`${replacement.kind}, ${point.what}`, async () => {
        const gameId = newGame();
        const { fields } = await flow.lobby.answerTo(await flow.lobby.start(gameId, GAME_IMAGE));
        games.push({ gameId, first: fields.container_id ?? '', replacement });
        const killed = replicas.armKill(gameId, point);
        const rest = makeRestClient(replicas.slots[0]?.replica.url ?? '');
        const path = `/runtimes/${gameId}/${replacement.kind}`;
        const answer = await rest.post(path, replacement.body, { prefer: 'respond-async' });
        expect(answer.status).to.equal(202);
        await replicas.revive(await killed);
      });
    }
  }

  it('each ends all the same, with success and its two inner entries', async () => {
    await flow.rows.settled();
    for (const { gameId, replacement } of games) {
      const log = await flow.rows.operations(gameId);
      expect(log.map((one) => `${one.op_kind} ${one.error_code ?? one.outcome}`)).to.deep.equal([
        'start success',
        `${replacement.kind} success`,
        'stop success',
        'start success',
      ]);
      expect(log[1]?.attempt).to.be.greaterThan(1);
    }
  });

  it('each game has one container, a new one that the record knows, and no incident was told', async () => {
    expect(games).to.have.length(KINDS.flatMap(({ points }) => points).length);
    for (const { gameId, first, replacement } of games) {
      const record = await flow.rows.record(gameId);
      const containerId = record?.current_container_id;
      expect(containerId).not.to.equal(first);
      expect(record).to.include({ status: 'running', current_image_ref: replacement.image });
      const containers = await containersOf(gameId);
      expect(containers.map(({ Id, State, Config }) => [Id, State.Running, Config.Image])).to.deep.equal([
        [containerId, true, replacement.image],
      ]);
      const events = await entriesOf(flow, STREAMS.healthEvents, gameId);
      const told = new Set(events.map(({ fields }) => `${fields.event_type} ${fields.container_id}`));
      expect([...told]).to.deep.equal([`container_started ${first}`, `container_started ${containerId}`]);
    }
  });
});
