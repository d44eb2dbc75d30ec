import { expect } from 'chai';
import { type App, startApp } from '../../app.ts';
import { parseConfig } from '../../lib/config.ts';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';
import { type Lobby, makeLobby, STREAMS } from '../helpers/lobby.ts';
import { makeMemoryLogger } from '../helpers/memory-logger.ts';
import { makeWorld, type TestWorld } from '../helpers/rtm-env.ts';

describe('a start job', () => {
  let world: TestWorld;
  let lobby: Lobby;
  let app: App;

  before(async () => {
    world = await makeWorld();
    lobby = makeLobby(world.redis);
    app = await startApp(parseConfig(world.variables()), makeMemoryLogger());
  });
  after(async () => {
    await app?.close();
    await world?.destroy();
  });

  it('becomes a running container, a record, an answer and a health event', async () => {
    const request = await lobby.start('game-1', GAME_IMAGE);
    const { fields } = await lobby.answerTo(request);

    expect(fields).to.include({
      game_id: 'game-1',
      outcome: 'success',
      engine_endpoint: 'http://galaxy-game-game-1:8080',
      error_code: '',
      error_message: '',
      op_kind: 'start',
    });
    const container = await docker.getContainer(fields.container_id ?? '').inspect();
    expect(container.State.Running).to.equal(true);
    expect(container.Name).to.equal('/galaxy-game-game-1');

    const answer = await fetch(`${app.url}/api/v1/internal/runtimes/game-1`);
    expect(answer.status).to.equal(200);
    expect(await answer.json()).to.include({
      game_id: 'game-1',
      status: 'running',
      current_container_id: fields.container_id,
      current_image_ref: GAME_IMAGE,
    });

    const events = await lobby.entries(STREAMS.healthEvents);
    expect(events.map((event) => event.fields.event_type)).to.deep.equal(['container_started']);
  });

  it('that comes again is answered as a replay, with the same container', async () => {
    const first = await lobby.answerTo(await lobby.start('game-2', GAME_IMAGE));
    const second = await lobby.answerTo(await lobby.start('game-2', GAME_IMAGE));
    expect(second.fields).to.include({
      outcome: 'success',
      error_code: 'replay_no_op',
      container_id: first.fields.container_id,
    });
  });
});
