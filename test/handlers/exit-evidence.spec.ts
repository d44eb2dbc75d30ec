import { expect } from 'chai';
import { handlers } from '../../handlers/index.ts';
import type { Handlers } from '../../handlers/types.ts';
import { crashingAt } from '../helpers/crash.ts';
import { drop, hang, refuse } from '../helpers/fake-docker-scripts.ts';
import type { FakeContainer } from '../helpers/fake-docker-world.ts';
import { type HandlerSide, makeHandlerSide, NEW_IMAGE } from '../helpers/handler-side.ts';
import { logFrame } from '../helpers/log-frame.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const LOGS = 'GET /containers/:id/logs';
const INSPECT = 'GET /containers/:id/json';
const DEATH = {
  exitCode: 137,
  oomKilled: true,
  finishedAt: '2026-01-01T01:00:00.123456789Z',
  lastLogLines: ['turn 7', 'Error: out of memory'],
};

describe('why a game died is kept with the operation that ended it or found it ended', () => {
  let store: Store;
  let side: HandlerSide;
  let container: FakeContainer;
  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  beforeEach(async () => {
    side = await makeHandlerSide({}, store);
  });
  afterEach(() => side.close());

  async function putGame(given: Parameters<HandlerSide['putGame']>[1] = {}): Promise<void> {
    const put = await side.putGame('g', given);
    if (!put) throw new Error('a game with a container was to be put');
    container = put;
    container.exitCode = 137;
    container.oomKilled = true;
    container.log = Buffer.concat([
      logFrame('stdout', 'turn 7\n'),
      logFrame('stderr', 'Error: out of memory\n'),
    ]);
  }
  const run = async (kind: keyof Handlers, imageRef: string | null = null) => {
    await side.queue({ gameId: 'g', opKind: kind, opSource: 'gm_rest', imageRef });
    return side.run('g', kind, handlers[kind]);
  };
  /** Kind of each entry, and the evidence that it keeps. */
  const kept = async () =>
    Object.fromEntries(
      (
        await side.store.rows(
          'select op_kind, exit_evidence from rtmanager.operation_log order by seq nulls last, accepted_at',
        )
      ).map((row) => [row.op_kind, row.exit_evidence]),
    );

  it('stop', async () => {
    await putGame();
    await run('stop');
    expect(await kept()).to.deep.equal({ stop: DEATH });
    // It ended nothing more.
    await run('stop');
    const again = await side.store.rows(
      'select exit_evidence from rtmanager.operation_log order by seq desc',
    );
    expect(again[0]).to.deep.equal({ exit_evidence: null });
  });

  it('stop whose first attempt died before it could write that down', async () => {
    await putGame();
    await side.queue({ gameId: 'g', opKind: 'stop', opSource: 'gm_rest' });
    const dying = crashingAt(handlers.stop, { step: 3, when: 'after' });
    await side.run('g', 'stop', dying.handler);
    expect(dying.steps.at(-2)).to.equal('docker.readLogTail');
    expect(await kept()).to.deep.equal({ stop: null });
    await side.store.expireLease('g');
    await side.run('g', 'stop', handlers.stop);
    expect(await kept()).to.deep.equal({ stop: DEATH });
  });

  it('stop of one that had ended by itself: with the entry of its death', async () => {
    await putGame();
    container.state = 'exited';
    await run('stop');
    expect(await kept()).to.deep.equal({ stop: null, reconcile_exit: DEATH });
  });

  for (const kind of ['restart', 'patch'] as const) {
    it(`${kind}: with its inner stop, on record before the container makes room`, async () => {
      await putGame();
      await run(kind, kind === 'patch' ? NEW_IMAGE : null);
      expect(await kept()).to.deep.equal({ [kind]: null, stop: DEATH, start: null });
      expect(side.world.containers.has(container.id)).to.equal(false);
    });
  }

  it('restart of one that had ended by itself: with the entry of its death', async () => {
    await putGame();
    container.state = 'exited';
    await run('restart');
    expect(await kept()).to.deep.equal({ restart: null, reconcile_exit: DEATH, stop: null, start: null });
  });

  it('start that finds it dead: with the entry of its death', async () => {
    await putGame();
    container.state = 'exited';
    await run('start', container.image);
    expect(await kept()).to.deep.equal({ start: null, reconcile_exit: DEATH });
    expect(side.world.containers.has(container.id)).to.equal(false);
  });

  it('cleanup: again, for whatever happened since it was stopped', async () => {
    await putGame({ status: 'stopped' });
    await run('cleanup_container');
    expect(await kept()).to.deep.equal({ cleanup_container: DEATH });
  });

  it('cleanup that died when the container was gone already: what it had read before', async () => {
    await putGame({ status: 'stopped' });
    await side.queue({ gameId: 'g', opKind: 'cleanup_container', opSource: 'gm_rest' });
    const dying = crashingAt(handlers.cleanup_container, { step: 4, when: 'after' });
    await side.run('g', 'cleanup_container', dying.handler);
    expect(dying.steps.at(-2)).to.equal('docker.remove');
    await side.store.expireLease('g');
    await side.run('g', 'cleanup_container', handlers.cleanup_container);
    expect(await kept()).to.deep.equal({ cleanup_container: DEATH });
  });

  it('reconcile_exit', async () => {
    await putGame();
    container.state = 'exited';
    await run('reconcile_exit');
    expect(await kept()).to.deep.equal({ reconcile_exit: DEATH });
  });

  it('reconcile that was queued for something else and finds an exit: with the entry of it', async () => {
    await putGame();
    container.state = 'exited';
    await run('reconcile_dispose');
    expect(await kept()).to.deep.equal({ reconcile_dispose: null, reconcile_exit: DEATH });
  });

  it('there is none of a container that is gone', async () => {
    await putGame();
    side.world.containers.clear();
    await run('stop');
    expect(await kept()).to.deep.equal({ stop: null, reconcile_dispose: null });
  });

  it('what PostgreSQL can not hold is escaped', async () => {
    await putGame();
    container.log = logFrame('stdout', Buffer.from([0x41, 0x00, 0xff, 0x0a]));
    await run('stop');
    expect((await kept()).stop).to.deep.equal({ ...DEATH, lastLogLines: ['A\\u0000\ufffd'] });
  });

  describe('and costs an operation nothing where Docker does not tell:', () => {
    it('a log driver that can not be read', async () => {
      await putGame();
      side.api.always(LOGS, refuse(501, 'configured logging driver does not support reading'));
      expect(await run('stop')).to.include({ result: 'success' });
      expect(await kept()).to.deep.equal({ stop: { ...DEATH, lastLogLines: null } });
      expect(side.log.lines.filter((line) => line.level === 'warn')).to.deep.equal([]);
    });

    it('a log that breaks off', async () => {
      await putGame();
      side.api.always(LOGS, drop());
      expect(await run('stop')).to.include({ result: 'success' });
      expect(await kept()).to.deep.equal({ stop: { ...DEATH, lastLogLines: null } });
      expect(
        side.log.lines.filter((line) => line.level === 'warn').map((line) => line.message),
      ).to.deep.equal(['how the container ended could not be read']);
    });

    it('a log that never comes: two seconds, and it goes on without (failure mode 10)', async () => {
      await putGame();
      side.api.always(LOGS, hang());
      const askedAtMs = performance.now();
      expect(await run('stop')).to.include({ result: 'success' });
      expect(performance.now() - askedAtMs).to.be.within(1_900, 4_000);
      expect(await kept()).to.deep.equal({ stop: { ...DEATH, lastLogLines: null } });
    });

    it('an inspection that fails', async () => {
      await putGame();
      side.api.always(INSPECT, refuse(500, 'no'));
      expect(await run('stop')).to.include({ result: 'success' });
      expect(await kept()).to.deep.equal({ stop: null });
    });
  });
});
