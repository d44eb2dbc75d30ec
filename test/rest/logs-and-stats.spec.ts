import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'chai';
import { swapRecord } from '../../sql/runtime-records.ts';
import { errorCode, errorMessage } from '../helpers/assert-contract.ts';
import { eventually } from '../helpers/eventually.ts';
import { type FakeDocker, makeFakeDocker } from '../helpers/fake-docker.ts';
import { answer, heldUntil, makeProgress } from '../helpers/fake-docker-scripts.ts';
import { logFrame } from '../helpers/log-frame.ts';
import { makeRecord } from '../helpers/records.ts';
import { makeRestService, type RestService } from '../helpers/rest-service.ts';
import { makeStore, type Store } from '../helpers/store.ts';
import { makeTestConfig } from '../helpers/test-config.ts';

const LOGS = 'GET /containers/:id/logs';
const STATS = 'GET /containers/:id/stats';
const HOSTILE = '<script>alert(1)</script>\u001b[31m"\'&';

describe('logs and stats by REST', () => {
  let store: Store;
  let fake: FakeDocker;
  let rest: RestService;
  const left: AbortController[] = [];

  before(async function () {
    this.timeout(60_000);
    store = await makeStore();
  });
  after(() => store?.destroy());
  beforeEach(async () => {
    fake = await makeFakeDocker(makeTestConfig());
    rest = await makeRestService({ db: store.db, docker: fake.docker });
    for (const gameId of ['g', 'h']) {
      const { id } = fake.world.put({ name: gameId });
      await swapRecord(store.db, { expected: null, next: makeRecord({ gameId, currentContainerId: id }) });
    }
  });
  afterEach(async () => {
    for (const one of left.splice(0)) one.abort();
    await rest.close();
    await fake.close();
    await store.clear();
  });

  const record = (given: Parameters<typeof makeRecord>[0]) =>
    swapRecord(store.db, { expected: null, next: makeRecord(given) });
  const inDocker = () => fake.api.sent(LOGS).length;
  /** Follows until the test is over. */
  const follow = (gameId: string) => {
    const controller = new AbortController();
    left.push(controller);
    const path = `/${gameId}/logs?follow=true`;
    return rest.runtimes(path, { signal: controller.signal }).catch(() => undefined);
  };

  describe('the log of a game', () => {
    it('is text, whatever the engine makes of it', async () => {
      fake.api.always(LOGS, answer(200, logFrame('stdout', `${HOSTILE}\n`)));
      const log = await rest.runtimes('/g/logs');
      expect(log.text).to.equal(`${HOSTILE}\n`);
      expect(log.headers).to.include({
        'content-type': 'text/plain; charset=utf-8',
        'x-content-type-options': 'nosniff',
        'x-accel-buffering': 'no',
        'cache-control': 'no-store, no-transform',
      });
    });

    it('has a head without a log, for which nothing is left open in Docker', async () => {
      const closed = Promise.withResolvers<void>();
      fake.api.always(LOGS, ({ response }) => {
        response.once('close', closed.resolve);
        response.writeHead(200).flushHeaders();
      });
      const head = await rest.runtimes('/g/logs?follow=true', { method: 'HEAD' });
      expect([head.status, head.text]).to.deep.equal([200, '']);
      await closed.promise;
    });

    it('is not_found of a game that RTM does not know, or that has no container', async () => {
      await record({ gameId: 'gone', currentContainerId: 'c9' });
      await record({ gameId: 'removed', status: 'removed', currentContainerId: null, removedAt: 1 });
      for (const game of ['nobody', 'gone', 'removed']) {
        const log = await rest.runtimes(`/${game}/logs`);
        expect([log.status, errorCode(log)], game).to.deep.equal([404, 'not_found']);
      }
    });

    it('is refused for what can not be meant, by the name of the parameter', async () => {
      for (const [query, name] of [
        ['tail=-1', 'tail'],
        ['tail=10001', 'tail'],
        ['tail=all', 'tail'],
        ['follow=yes', 'follow'],
        ['since=1', 'since'],
      ]) {
        const log = await rest.runtimes(`/g/logs?${query}`);
        expect([log.status, errorMessage(log).includes(`"${name}"`)], query).to.deep.equal([400, true]);
      }
    });

    it('breaks off, and does not end, where Docker goes away in the middle', async () => {
      fake.api.script(LOGS, ({ response }) => {
        response.writeHead(200);
        response.write(logFrame('stdout', 'up\n'), () => response.socket?.destroy());
      });
      const failure = await rest.runtimes('/g/logs').catch((error: unknown) => error);
      expect(failure).to.be.an('error');
      expect(rest.log.lines.map(({ message }) => message)).to.include('request failed');
    });

    it('is let go of in Docker when its client leaves', async () => {
      const progress = makeProgress();
      fake.api.always(LOGS, progress.script);
      const following = follow('g');
      await progress.begun;
      await eventually(() => inDocker() === 1, { what: 'Docker to be asked' });
      const before = fake.api.connections;
      left[0]?.abort();
      await following;
      await eventually(() => fake.api.connections < before, { what: 'the connection to be closed' });
    });

    /** A client of a long log that reads nothing, once Docker is held up by it. */
    const readNothing = async (url: string) => {
      let sent = 0;
      fake.api.always(LOGS, async ({ response }) => {
        response.writeHead(200);
        const frame = logFrame('stdout', `${'x'.repeat(8_000)}\n`);
        const gone = once(response, 'close');
        for (let n = 0; n < 10_000 && !response.destroyed; n += 1) {
          sent += frame.length;
          if (response.write(frame)) continue;
          await Promise.race([once(response, 'drain'), gone]);
        }
      });
      const { hostname, port } = new URL(url);
      const client = connect({ host: hostname, port: Number(port) });
      client.write('GET /api/v1/internal/runtimes/g/logs HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
      await eventually(() => sent > 0, { what: 'the log to begin' });
      let before = -1;
      await eventually(
        () => {
          const isHeld = before === sent;
          before = sent;
          return isHeld;
        },
        { what: 'Docker to be held up', intervalMs: 100 },
      );
      return { client, sent };
    };

    it('of one that reads nothing costs no memory: Docker is held up', async () => {
      const { client, sent } = await readNothing(rest.url);
      // Of 80 MB; the buffers of the kernel on both ways hold the rest.
      expect(sent).to.be.below(30_000_000);
      client.destroy();
      await eventually(() => inDocker() === 1 && fake.api.connections <= 1, {
        what: 'the log to be let go of',
      });
    });

    it('of one that reads nothing holds up no shutdown', async () => {
      const other = await makeRestService({ db: store.db, docker: fake.docker });
      const { client } = await readNothing(other.url);
      const begunMs = performance.now();
      await other.close(8_000);
      expect(performance.now() - begunMs).to.be.below(4_000);
      client.destroy();
    });

    it('is followed by eight of one game at once, and the next is told so; other games have their own', async () => {
      fake.api.always(LOGS, ({ response }) => void response.writeHead(200).flushHeaders());
      for (let n = 0; n < 8; n += 1) void follow('g');
      await eventually(() => inDocker() === 8, { what: 'eight followers' });
      const ninth = await rest.runtimes('/g/logs');
      expect([ninth.status, errorCode(ninth)]).to.deep.equal([503, 'service_unavailable']);
      expect(errorMessage(ninth)).to.match(/8 of game g open already/);
      void follow('h');
      await eventually(() => inDocker() === 9, { what: 'a follower of another game' });
      left[0]?.abort();
      fake.api.always(LOGS, answer(200, logFrame('stdout', 'up\n')));
      await eventually(async () => (await rest.runtimes('/g/logs')).status === 200, { what: 'a place' });
    });

    it('says that the replica shuts down, and keeps it from nothing', async () => {
      const progress = makeProgress();
      fake.api.always(LOGS, progress.script);
      const other = await makeRestService({ db: store.db, docker: fake.docker });
      const following = fetch(`${other.url}/api/v1/internal/runtimes/g/logs?follow=true`);
      await progress.begun;
      await progress.write(logFrame('stdout', '2026-01-01T00:00:00.000000001Z up\n'));
      const log = await following;
      const begunMs = performance.now();
      await other.close(60_000);
      expect(performance.now() - begunMs).to.be.below(5_000);
      expect(await log.text()).to.match(/\[… Runtime Manager is shutting down\]\n$/);
    });
  });

  describe('the measurement of a game', () => {
    it('is what Docker measured, without the cache, over all networks and disks', async () => {
      const stats = await rest.runtimes('/g/stats');
      expect(stats.json).to.deep.include({
        game_id: 'g',
        observed_at: '2026-01-01T00:00:02.000Z',
        cpu_percent: 50,
        cpu_quota: 1,
        memory_used_bytes: 30_000_000,
        memory_limit_bytes: 536_870_912,
        network_rx_bytes: 111,
        network_tx_bytes: 11,
        block_read_bytes: 4_096,
        block_write_bytes: 8_192,
        pids: 7,
        pids_limit: 512,
      });
    });

    it('is shared by all who ask for it while it is made', async () => {
      const gate = Promise.withResolvers<void>();
      fake.api.always(STATS, heldUntil(gate.promise));
      const asked = Array.from({ length: 5 }, () => rest.runtimes('/g/stats'));
      await eventually(() => fake.api.sent(STATS).length === 1, { what: 'Docker to be asked' });
      const other = rest.runtimes('/h/stats');
      await eventually(() => fake.api.sent(STATS).length === 2, { what: 'the other game to be measured' });
      gate.resolve();
      expect((await Promise.all([...asked, other])).map(({ status }) => status)).to.deep.equal(
        Array(6).fill(200),
      );
      expect(fake.api.sent(STATS)).to.have.length(2);
    });

    it('is a conflict where there is nothing to measure, and not_found of nobody', async () => {
      await record({ gameId: 'stopped', status: 'stopped', currentContainerId: 'c9' });
      await record({ gameId: 'gone', currentContainerId: 'c9' });
      const [ended] = fake.world.containers.values();
      if (ended) ended.state = 'exited';
      for (const [game, status, code] of [
        ['stopped', 409, 'conflict'],
        ['gone', 409, 'conflict'],
        ['g', 409, 'conflict'],
        ['nobody', 404, 'not_found'],
      ] as const) {
        const stats = await rest.runtimes(`/${game}/stats`);
        expect([stats.status, errorCode(stats)], game).to.deep.equal([status, code]);
      }
    });

    it('is docker_unavailable where Docker tells nonsense', async () => {
      for (const body of ['{}', { read: 'now', preread: 'then' }]) {
        fake.api.script(STATS, answer(200, body));
        expect(errorCode(await rest.runtimes('/g/stats'))).to.equal('docker_unavailable');
      }
    });
  });
});
