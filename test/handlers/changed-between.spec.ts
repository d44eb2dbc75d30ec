import { expect } from 'chai';
import { handlers } from '../../handlers/index.ts';
import type { Handlers } from '../../handlers/types.ts';
import { type CrashPoint, crashingAt } from '../helpers/crash.ts';
import { viewGame } from '../helpers/game-view.ts';
import { type HandlerSide, makeHandlerSide, NEW_IMAGE, OLD_IMAGE } from '../helpers/handler-side.ts';

/** What somebody may do to the host between the death of one attempt and the next one. */
const CHANGES: Readonly<Record<string, (side: HandlerSide) => void>> = {
  'the network is removed': ({ world }) => world.networks.clear(),
  'the registry goes away': ({ world }) => world.registry.clear(),
  'the images are pruned and the registry goes away': ({ world }) => {
    world.registry.clear();
    world.images.clear();
  },
};

interface Story {
  readonly kind: keyof Handlers;
  readonly status: 'running' | 'stopped';
  readonly imageRef: string;
}

const STORIES: Readonly<Record<string, Story>> = {
  'a start of a stopped game': { kind: 'start', status: 'stopped', imageRef: NEW_IMAGE },
  'a stop': { kind: 'stop', status: 'running', imageRef: OLD_IMAGE },
  'a restart': { kind: 'restart', status: 'running', imageRef: OLD_IMAGE },
  'a patch': { kind: 'patch', status: 'running', imageRef: NEW_IMAGE },
  'a cleanup': { kind: 'cleanup_container', status: 'stopped', imageRef: OLD_IMAGE },
};

describe('an operation whose process dies, and whose host is another one for the next attempt', function () {
  this.timeout(120_000);
  let side: HandlerSide;

  before(async () => {
    // So that what the first attempt has made ready, and the next one asks for again, shows.
    side = await makeHandlerSide({ RTMANAGER_IMAGE_PULL_POLICY: 'always' });
  });
  after(() => side.close());

  async function play(
    { kind, status, imageRef }: Story,
    change: (side: HandlerSide) => void,
    point?: CrashPoint,
  ): Promise<readonly string[]> {
    await side.store.clear();
    side.world.containers.clear();
    side.world.networks.add('galaxy');
    for (const image of [OLD_IMAGE, NEW_IMAGE]) {
      side.world.images.set(image, { id: `sha256:${image}` });
      side.world.registry.set(image, { id: `sha256:${image}` });
    }
    await side.putGame('g', { status });
    await side.queue({ gameId: 'g', opKind: kind, imageRef });
    const first = crashingAt(handlers[kind], point);
    await side.run('g', kind, first.handler);
    if (point) {
      change(side);
      await side.store.expireLease('g');
      await side.run('g', kind, handlers[kind]);
    }
    return first.steps;
  }

  /** Whatever the outcome: it is there, record and Docker tell the same, and RTM's own doing is no incident. */
  async function assertInStep(when: string): Promise<void> {
    const view = await viewGame(side, 'g');
    expect(view.operations[0], when).to.include({ status: 'finished' });
    const [record] = await side.store.rows('select * from rtmanager.runtime_records');
    const running = [...side.world.containers.values()].filter((one) => one.state === 'running');
    const recorded = side.world.containers.get(String(record?.current_container_id));
    expect(
      running.map((one) => one.id),
      `${when}: what runs`,
    ).to.deep.equal(record?.status === 'running' ? [record.current_container_id] : []);
    if (record?.status === 'stopped') expect(recorded?.state, `${when}: what is stopped`).to.equal('exited');
    else expect(side.world.containers.size, `${when}: containers`).to.equal(running.length);
    expect(
      view.messages.map((one) => one.event_type),
      `${when}: incidents`,
    ).not.to.include.oneOf(['container_exited', 'container_disappeared']);
  }

  for (const [name, story] of Object.entries(STORIES)) {
    for (const [what, change] of Object.entries(CHANGES)) {
      it(`${name}, and ${what}`, async () => {
        const steps = await play(story, change);
        for (const step of steps.keys()) {
          for (const when of ['before', 'after'] as const) {
            await play(story, change, { step, when });
            await assertInStep(`a death ${when} ${steps[step]} (${step})`);
          }
        }
      });
    }
  }

  it('a restart whose image was made ready needs no registry for it', async () => {
    const story = STORIES['a restart'] ?? expect.fail();
    const gone = CHANGES['the registry goes away'] ?? expect.fail();
    const steps = await play(story, gone);
    await play(story, gone, { step: steps.indexOf('commitStep'), when: 'after' });
    const view = await viewGame(side, 'g');
    expect(view.operations[0]).to.include({ outcome: 'success' });
    expect(view.containers).to.deep.equal([`${OLD_IMAGE} running`]);
  });

  it('a patch that stopped the game and can not start the new image brings the old one back', async () => {
    const story = STORIES['a patch'] ?? expect.fail();
    const newIsPruned = ({ world }: HandlerSide) => {
      world.registry.clear();
      world.images.delete(NEW_IMAGE);
    };
    const steps = await play(story, newIsPruned);
    for (const point of [
      { step: steps.indexOf('docker.stop'), when: 'after' },
      { step: steps.indexOf('commitStep'), when: 'after' },
    ] as const) {
      await play(story, newIsPruned, point);
      const view = await viewGame(side, 'g');
      expect(view.operations[0]).to.include({ error_code: 'image_pull_failed' });
      expect(view.operations[0]?.error_message).to.match(/rolled back, galaxy\/engine:1.0.0 runs again$/);
      expect(view.containers).to.deep.equal([`${OLD_IMAGE} running`]);
      expect(view.record).to.include({ status: 'running', current_image_ref: OLD_IMAGE });
    }
  });
});
