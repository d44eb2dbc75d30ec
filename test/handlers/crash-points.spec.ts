import { expect } from 'chai';
import fc from 'fast-check';
import { handlers } from '../../handlers/index.ts';
import type { Handlers } from '../../handlers/types.ts';
import type { RuntimeRecord } from '../../lib/runtime-record.ts';
import type { NewOperation } from '../../sql/accept-operations.ts';
import { noteDaemon } from '../../sql/docker-daemon.ts';
import { type CrashPoint, crashingAt } from '../helpers/crash.ts';
import { refuse } from '../helpers/fake-docker-scripts.ts';
import { type GameView, viewGame } from '../helpers/game-view.ts';
import { type HandlerSide, makeHandlerSide, NEW_IMAGE, OLD_IMAGE } from '../helpers/handler-side.ts';

interface Story {
  readonly kind: keyof Handlers;
  /** What is recorded, and in Docker, before; nothing for a game that was never started. */
  readonly game?: Partial<RuntimeRecord>;
  readonly request?: Partial<NewOperation>;
  /** Makes Docker what it is in this story. */
  readonly arrange?: (side: HandlerSide) => void;
  /** How it must end, so that no story ends well by accident. */
  readonly ends: string;
}

/** The new image's containers can not start. */
const newImageIsBroken = ({ api, world }: HandlerSide) =>
  api.always('POST /containers/:id/start', (exchange) => {
    const container = world.containers.get(exchange.request.params[0] ?? '');
    if (container?.image !== NEW_IMAGE) return exchange.send(exchange.act());
    return refuse(400, 'exec: no such file')(exchange);
  });
const nothingStarts = ({ api }: HandlerSide) =>
  api.always('POST /containers/:id/start', refuse(400, 'exec: no such file'));
const vanish = ({ world }: HandlerSide) => world.containers.clear();
const die = ({ world }: HandlerSide) => {
  for (const container of world.containers.values()) container.state = 'exited';
};
const startByHand = ({ world }: HandlerSide) => {
  for (const container of world.containers.values()) container.state = 'running';
};
const byItself = { opSource: 'auto_reconcile', imageRef: null, reason: 'reconcile' } as const;
const toNew = { imageRef: NEW_IMAGE };
const stopped = { status: 'stopped' } as const;

const STORIES: Readonly<Record<string, Story>> = {
  'a start': { kind: 'start', ends: 'success' },
  'a start of a stopped game with another image': {
    kind: 'start',
    game: stopped,
    request: toNew,
    ends: 'success',
  },
  'a start that Docker refuses': { kind: 'start', arrange: nothingStarts, ends: 'container_start_failed' },
  'a start of a stopped game that Docker refuses': {
    kind: 'start',
    game: stopped,
    arrange: nothingStarts,
    ends: 'container_start_failed',
  },
  'a start of a game whose container vanished': { kind: 'start', game: {}, arrange: vanish, ends: 'success' },
  'a start that is done already': { kind: 'start', game: {}, ends: 'replay_no_op' },
  'a stop': { kind: 'stop', game: {}, ends: 'success' },
  'a stop of a game whose container vanished': { kind: 'stop', game: {}, arrange: vanish, ends: 'success' },
  'a stop that is done already': { kind: 'stop', game: stopped, ends: 'replay_no_op' },
  'a restart': { kind: 'restart', game: {}, ends: 'success' },
  'a restart of a stopped game': { kind: 'restart', game: stopped, ends: 'success' },
  'a restart of a game whose container vanished': {
    kind: 'restart',
    game: {},
    arrange: vanish,
    ends: 'success',
  },
  'a restart that Docker refuses to start': {
    kind: 'restart',
    game: {},
    arrange: nothingStarts,
    ends: 'container_start_failed',
  },
  'a patch': { kind: 'patch', game: {}, request: toNew, ends: 'success' },
  'a patch of a stopped game': { kind: 'patch', game: stopped, request: toNew, ends: 'success' },
  'a patch whose new image can not start': {
    kind: 'patch',
    game: {},
    request: toNew,
    arrange: newImageIsBroken,
    ends: 'container_start_failed',
  },
  'a patch of a stopped game whose new image can not start': {
    kind: 'patch',
    game: stopped,
    request: toNew,
    arrange: newImageIsBroken,
    ends: 'container_start_failed',
  },
  'a patch where neither image can start': {
    kind: 'patch',
    game: {},
    request: toNew,
    arrange: nothingStarts,
    ends: 'container_start_failed',
  },
  'a patch that is done already': { kind: 'patch', game: {}, ends: 'replay_no_op' },
  'a cleanup': { kind: 'cleanup_container', game: stopped, ends: 'success' },
  'a cleanup of a game whose container is gone': {
    kind: 'cleanup_container',
    game: stopped,
    arrange: vanish,
    ends: 'success',
  },
  'a cleanup of a game whose container vanished while it ran': {
    kind: 'cleanup_container',
    game: {},
    arrange: vanish,
    ends: 'success',
  },
  'a cleanup of a running game': { kind: 'cleanup_container', game: {}, ends: 'conflict' },
  'a cleanup that is done already': {
    kind: 'cleanup_container',
    game: { status: 'removed' },
    ends: 'replay_no_op',
  },
  'a cleanup by age': {
    kind: 'cleanup_container',
    game: { ...stopped, lastOpAt: 0 },
    request: { opSource: 'auto_ttl', imageRef: null },
    ends: 'success',
  },
  'a cleanup by age that comes too early': {
    kind: 'cleanup_container',
    game: { ...stopped, lastOpAt: Date.now() },
    request: { opSource: 'auto_ttl', imageRef: null },
    ends: 'replay_no_op',
  },
  'an adoption': {
    kind: 'reconcile_adopt',
    game: stopped,
    arrange: startByHand,
    request: byItself,
    ends: 'success',
  },
  'the record of an exit': {
    kind: 'reconcile_exit',
    game: {},
    arrange: die,
    request: byItself,
    ends: 'success',
  },
  'the record of a loss': {
    kind: 'reconcile_dispose',
    game: {},
    arrange: vanish,
    request: byItself,
    ends: 'success',
  },
  'the record of a loss that was queued for an exit': {
    kind: 'reconcile_exit',
    game: {},
    arrange: vanish,
    request: byItself,
    ends: 'success',
  },
};

describe('an operation whose process dies at any of its steps ends as if it had not', function () {
  this.timeout(120_000);
  let side: HandlerSide;

  before(async () => {
    side = await makeHandlerSide();
  });
  after(() => side.close());

  /** Plays the story to its end, with a death in each of its first attempts, or none. */
  async function play(
    story: Story,
    ...points: readonly CrashPoint[]
  ): Promise<{ view: GameView; steps: readonly string[] }> {
    await side.store.clear();
    side.world.containers.clear();
    side.api.always('POST /containers/:id/start', (exchange) => exchange.send(exchange.act()));
    if (story.game) await side.putGame('g', story.game);
    story.arrange?.(side);
    await noteDaemon(side.store.db, { daemonId: side.world.daemonId, eventCursor: 0n });
    await side.queue({ gameId: 'g', opKind: story.kind, imageRef: OLD_IMAGE, ...story.request });
    let steps: readonly string[] = [];
    for (const point of [...points, undefined]) {
      const attempt = crashingAt(handlers[story.kind], point);
      const { result } = await side.run('g', story.kind, attempt.handler);
      steps = attempt.steps;
      // A later attempt may be over before it comes to the step at which it was to die.
      if (result !== 'handed over') break;
      await side.store.expireLease('g');
    }
    return { view: await viewGame(side, 'g'), steps };
  }

  for (const [name, story] of Object.entries(STORIES)) {
    it(name, async () => {
      const { view, steps } = await play(story);
      const [outer] = view.operations;
      expect(outer?.error_code ?? outer?.outcome).to.equal(story.ends);
      expect(steps.length).to.be.greaterThan(1);
      for (const step of steps.keys()) {
        for (const when of ['before', 'after'] as const) {
          const crashed = await play(story, { step, when });
          expect(crashed.view, `a death ${when} ${steps[step]}`).to.deep.equal(view);
        }
      }
    });

    it(`${name}, several times in a row`, async () => {
      const { view, steps } = await play(story);
      const point = fc.record({
        step: fc.nat(steps.length - 1),
        when: fc.constantFrom('before' as const, 'after' as const),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(point, { minLength: 2, maxLength: 4 }), async (points) => {
          expect((await play(story, ...points)).view).to.deep.equal(view);
        }),
        { numRuns: 5 },
      );
    });
  }
});
