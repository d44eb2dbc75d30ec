import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { containersOf } from '../helpers/containers.ts';
import { GAME_IMAGE, GAME_IMAGE_PATCHED } from '../helpers/docker.ts';
import { eventually } from '../helpers/eventually.ts';
import { entriesOf } from '../helpers/failed-start.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { STREAMS } from '../helpers/lobby.ts';
import { bodyOf, makeRestClient, type RestClient } from '../helpers/rest-client.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';

/** What the three places that tell of a game hold at one time. */
interface Sight {
  readonly status: string;
  /** Of each container of the game: its image and its state. */
  readonly containers: readonly string[];
  /** Kinds and ends of everything logged since the step before. */
  readonly logged: readonly string[];
  /** Health events since the step before. */
  readonly events: readonly string[];
  /** Answers in the stream of job results since the step before. */
  readonly answers: number;
  /** How often the engine has booted on this state directory. */
  readonly boots: number;
}

describe('the whole life of a game, on everything real', () => {
  const gameId = newGame('story');
  let flow: Flow;
  let rtm: Rtm;
  let rest: RestClient;
  let seen = { logged: 0, events: 0, answers: 0 };
  const containerIds: string[] = [];

  before(async () => {
    flow = await makeFlow();
    rtm = await startRtm(flow.world, { RTMANAGER_CONTAINER_STOP_TIMEOUT_SECONDS: '5' });
    rest = makeRestClient(rtm.url);
  });
  after(async () => {
    await rtm?.close();
    await flow?.destroy();
  });

  const boots = async (): Promise<number> =>
    JSON.parse(await readFile(path.join(flow.world.stateRoot.path, gameId, 'state.json'), 'utf8')).boot;

  /** Looks everywhere, and notes what it has seen so that the next look tells only what is new. */
  async function look(): Promise<Sight> {
    await flow.rows.settled();
    const operations = await flow.rows.operations(gameId);
    const events = await entriesOf(flow, STREAMS.healthEvents, gameId);
    const answers = await entriesOf(flow, STREAMS.jobResults, gameId);
    const containers = await containersOf(gameId);
    const record = await flow.rows.record(gameId);
    const sight = {
      status: String(record?.status),
      containers: containers.map((one) => `${one.Config.Image} ${one.State.Status}`),
      logged: operations
        .slice(seen.logged)
        .map((one) => `${one.op_source} ${one.op_kind} ${one.error_code ?? one.outcome}`),
      events: events.slice(seen.events).map(({ fields }) => String(fields.event_type)),
      answers: answers.length - seen.answers,
      boots: await boots(),
    };
    seen = { logged: operations.length, events: events.length, answers: answers.length };
    // Record, REST and Docker tell of the same container.
    const runtime = bodyOf(await rest.get(`/runtimes/${gameId}`));
    expect(runtime.status).to.equal(sight.status);
    expect(runtime.current_container_id).to.equal(containers[0]?.Id ?? null);
    if (containers[0] && !containerIds.includes(containers[0].Id)) containerIds.push(containers[0].Id);
    return sight;
  }
  const booted = (times: number) =>
    eventually(async () => (await boots()) === times, { what: `boot ${times} of the engine` });
  const running = `${GAME_IMAGE} running`;

  it('starts when Lobby asks', async () => {
    const { fields } = await flow.lobby.answerTo(await flow.lobby.start(gameId, GAME_IMAGE));
    expect(fields).to.include({ outcome: 'success', error_code: '' });
    await booted(1);
    expect(await look()).to.deep.equal({
      status: 'running',
      containers: [running],
      logged: ['lobby_stream start success'],
      events: ['container_started'],
      answers: 1,
      boots: 1,
    });
  });

  it('is inspected by Game Master: record, health, log', async () => {
    const runtime = bodyOf(await rest.get(`/runtimes/${gameId}`));
    expect(runtime).to.include({
      game_id: gameId,
      current_image_ref: GAME_IMAGE,
      engine_endpoint: `http://galaxy-game-${gameId}:8080`,
      docker_network: flow.world.network.name,
      stopped_at: null,
    });
    expect(runtime.health).to.include({ status: 'healthy', source: 'start' });
    const log = bodyOf(await rest.get(`/runtimes/${gameId}/operations`)).items as { operation_id: string }[];
    expect(log).to.have.length(1);
    expect(bodyOf(await rest.get(`/operations/${log[0]?.operation_id}`))).to.deep.equal(log[0]);
    expect((await rest.delete(`/runtimes/${gameId}/container`)).status).to.equal(409);
    expect((await look()).logged).to.deep.equal(['gm_rest cleanup_container conflict']);
  });

  it('stops when Lobby asks', async () => {
    const { fields } = await flow.lobby.answerTo(await flow.lobby.stop(gameId, 'admin_request'));
    expect(fields).to.include({ outcome: 'success', error_code: '', container_id: containerIds[0] });
    expect(await look()).to.deep.equal({
      status: 'stopped',
      containers: [`${GAME_IMAGE} exited`],
      logged: ['lobby_stream stop success'],
      events: [],
      answers: 1,
      boots: 1,
    });
  });

  it('restarts when Admin asks, stopped as it is', async () => {
    const headers = { 'x-galaxy-caller': 'admin' };
    const answer = await rest.post(`/runtimes/${gameId}/restart`, {}, headers);
    expect(answer.status).to.equal(200);
    expect(bodyOf(answer)).to.include({ status: 'running' });
    await booted(2);
    expect(await look()).to.deep.equal({
      status: 'running',
      containers: [running],
      logged: ['admin_rest restart success', 'admin_rest stop replay_no_op', 'admin_rest start success'],
      events: ['container_started'],
      answers: 0,
      boots: 2,
    });
  });

  it('restarts while it runs, in a new container', async () => {
    expect((await rest.post(`/runtimes/${gameId}/restart`, {})).status).to.equal(200);
    await booted(3);
    expect(await look()).to.deep.equal({
      status: 'running',
      containers: [running],
      logged: ['gm_rest restart success', 'gm_rest stop success', 'gm_rest start success'],
      events: ['container_started'],
      answers: 0,
      boots: 3,
    });
    expect(containerIds).to.have.length(3);
  });

  it('is patched, and keeps its state', async () => {
    const answer = await rest.post(`/runtimes/${gameId}/patch`, { image_ref: GAME_IMAGE_PATCHED });
    expect(bodyOf(answer)).to.include({ status: 'running', current_image_ref: GAME_IMAGE_PATCHED });
    await booted(4);
    expect(await look()).to.deep.equal({
      status: 'running',
      containers: [`${GAME_IMAGE_PATCHED} running`],
      logged: ['gm_rest patch success', 'gm_rest stop success', 'gm_rest start success'],
      events: ['container_started'],
      answers: 0,
      boots: 4,
    });
  });

  it('patched to the same once more, or to what it must not be: nothing happens', async () => {
    const same = await rest.post(`/runtimes/${gameId}/patch`, { image_ref: GAME_IMAGE_PATCHED });
    expect(same.status).to.equal(200);
    const far = await rest.post(`/runtimes/${gameId}/patch`, { image_ref: 'galaxy/game:1.1.0' });
    expect(far.json).to.have.nested.property('error.code', 'semver_patch_only');
    expect(await look()).to.deep.equal({
      status: 'running',
      containers: [`${GAME_IMAGE_PATCHED} running`],
      logged: ['gm_rest patch replay_no_op', 'gm_rest patch semver_patch_only'],
      events: [],
      answers: 0,
      boots: 4,
    });
  });

  it('a failed patch costs no downtime, and Admin hears of it', async () => {
    const image = '127.0.0.1:1/galaxy/game:1.0.2';
    const answer = await rest.post(`/runtimes/${gameId}/patch`, { image_ref: image });
    expect(answer.status).to.equal(502);
    expect((await look()).containers).to.deep.equal([`${GAME_IMAGE_PATCHED} running`]);
    expect(containerIds).to.have.length(4);
    const intents = await flow.lobby.entries(STREAMS.intents);
    expect(intents.map(({ fields }) => fields.notification_type)).to.deep.equal([
      'runtime.image_pull_failed',
    ]);
    expect(JSON.parse(intents[0]?.fields.payload_json ?? '')).to.include({
      game_id: gameId,
      image_ref: image,
    });
  });

  it('stops when Game Master asks, and once more', async () => {
    for (let times = 1; times <= 2; times += 1) {
      const answer = await rest.post(`/runtimes/${gameId}/stop`, { reason: 'finished' });
      expect(bodyOf(answer)).to.include({ status: 'stopped' });
    }
    expect(await look()).to.deep.equal({
      status: 'stopped',
      containers: [`${GAME_IMAGE_PATCHED} exited`],
      logged: ['gm_rest stop success', 'gm_rest stop replay_no_op'],
      events: [],
      answers: 0,
      boots: 4,
    });
  });

  it('is cleaned up: the container goes, record, log and state stay', async () => {
    for (let times = 1; times <= 2; times += 1) {
      const answer = await rest.delete(`/runtimes/${gameId}/container`);
      expect(bodyOf(answer)).to.include({ status: 'removed', current_container_id: null });
    }
    expect(await look()).to.deep.equal({
      status: 'removed',
      containers: [],
      logged: ['gm_rest cleanup_container success', 'gm_rest cleanup_container replay_no_op'],
      events: [],
      answers: 0,
      boots: 4,
    });
    const log = bodyOf(await rest.get(`/runtimes/${gameId}/operations?limit=500`)).items as unknown[];
    expect(log).to.have.length(seen.logged);
  });
});
