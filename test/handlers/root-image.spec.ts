import { stat } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { handlers } from '../../handlers/index.ts';
import { viewGame } from '../helpers/game-view.ts';
import { type HandlerSide, makeHandlerSide, NEW_IMAGE, OLD_IMAGE } from '../helpers/handler-side.ts';
import { makeStore, type Store } from '../helpers/store.ts';

describe('an image that would run as root', () => {
  let store: Store;
  let side: HandlerSide;
  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  afterEach(() => side.close());

  async function run(kind: 'start' | 'restart' | 'patch', imageRef: string | null) {
    await side.queue({ gameId: 'g', opKind: kind, opSource: 'admin_rest', imageRef });
    await side.run('g', kind, handlers[kind]);
    return viewGame(side, 'g');
  }
  const setUser = (image: string, user: string) =>
    side.world.images.set(image, { id: `sha256:${image}`, user });
  const changed = () => side.api.requests.filter(({ method }) => method !== 'GET').map(({ path }) => path);

  for (const user of ['', '0', '0:10001', 'nobody-of-that-name']) {
    it(`is refused before its game is restarted (${JSON.stringify(user)})`, async () => {
      side = await makeHandlerSide({}, store);
      await side.putGame('g');
      setUser(OLD_IMAGE, user);
      const view = await run('restart', null);
      expect(view.operations.map((one) => one.error_code)).to.deep.equal(['start_config_invalid']);
      expect(view.operations[0]?.error_message).to.match(/root.*RTMANAGER_CONTAINER_ALLOW_ROOT=true/);
      expect(view.containers).to.deep.equal([`${OLD_IMAGE} running`]);
      expect(side.api.sent('POST /containers/:id/stop')).to.deep.equal([]);
    });
  }

  it('is refused before its game is patched', async () => {
    side = await makeHandlerSide({}, store);
    await side.putGame('g');
    setUser(NEW_IMAGE, 'root');
    const view = await run('patch', NEW_IMAGE);
    expect(view.operations.map((one) => one.error_code)).to.deep.equal(['start_config_invalid']);
    expect(view.containers).to.deep.equal([`${OLD_IMAGE} running`]);
  });

  it('is refused before the stopped container of its game is removed', async () => {
    side = await makeHandlerSide({}, store);
    await side.putGame('g', { status: 'stopped' });
    setUser(OLD_IMAGE, '0');
    const view = await run('start', OLD_IMAGE);
    expect(view.operations.map((one) => one.error_code)).to.deep.equal(['start_config_invalid']);
    expect(view.containers).to.deep.equal([`${OLD_IMAGE} exited`]);
    expect(changed()).to.deep.equal([]);
  });

  it('runs again when a patch of its game fails', async () => {
    side = await makeHandlerSide({}, store);
    await side.putGame('g');
    setUser(OLD_IMAGE, '0');
    side.api.script('POST /containers/:id/start', (exchange) =>
      exchange.send({ status: 400, body: { message: 'no such program' } }),
    );
    const view = await run('patch', NEW_IMAGE);
    expect(view.containers).to.deep.equal([`${OLD_IMAGE} running`]);
    expect(view.operations[0]).to.include({ error_code: 'container_start_failed' });
  });

  it('starts where RTMANAGER_CONTAINER_ALLOW_ROOT permits it', async () => {
    side = await makeHandlerSide({ RTMANAGER_CONTAINER_ALLOW_ROOT: 'true' }, store);
    await side.putGame('g');
    setUser(OLD_IMAGE, '0');
    expect((await run('restart', null)).operations[0]).to.include({ outcome: 'success' });
  });

  it('leaves the state directory of any other image to the user of that image', async function () {
    if (process.getuid?.() !== 0) this.skip();
    const unset = { RTMANAGER_GAME_STATE_OWNER_UID: '', RTMANAGER_GAME_STATE_OWNER_GID: '' };
    side = await makeHandlerSide(unset, store);
    setUser(OLD_IMAGE, '4242:4343');
    expect((await run('start', OLD_IMAGE)).operations[0]).to.include({ outcome: 'success' });
    const { uid, gid } = await stat(path.join(side.tick.config.gameState.root, 'g'));
    expect([uid, gid]).to.deep.equal([4242, 4343]);
  });
});
