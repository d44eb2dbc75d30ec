import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { GAME_IMAGE } from '../helpers/docker.ts';
import { makeDockerProxy } from '../helpers/docker-proxy.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { exchange } from '../helpers/http-exchange.ts';
import { parseMetrics } from '../helpers/prometheus.ts';
import { sumOf } from '../helpers/read-metrics.ts';
import { type Replica, spawnReplica } from '../helpers/replica.ts';

const PRELOAD = fileURLToPath(new URL('../helpers/shifted-clock.mjs', import.meta.url));
const HOUR_MS = 3_600_000;
const PATIENCE = { timeoutMs: 40_000, intervalMs: 100 };

describe("a host's clock that is set, or differs from PostgreSQL's", function () {
  this.timeout(120_000);
  let flow: Flow;
  let clockFile: string;
  const replicas: Replica[] = [];

  before(async () => {
    flow = await makeFlow();
    clockFile = path.join(tmpdir(), `rtm-clock-${randomUUID()}`);
  });
  afterEach(async () => {
    for (const replica of replicas.splice(0)) await replica.end('SIGKILL');
  });
  after(async () => {
    await rm(clockFile, { force: true });
    await flow?.destroy();
  });

  const setClock = (byMs: number) => writeFile(clockFile, String(byMs));

  /** A replica by its own host's clock, or one whose clock `setClock` sets. */
  async function up(variables: Record<string, string>, isShifted: boolean): Promise<Replica> {
    const [shift, flags] = isShifted ? [{ RTM_TEST_CLOCK_FILE: clockFile }, ['--import', PRELOAD]] : [{}, []];
    const replica = spawnReplica(flow.world.variables({ ...variables, ...shift }), undefined, flags);
    replicas.push(replica);
    await replica.logged('Runtime Manager is up');
    return replica;
  }
  const probes = async ({ url }: Replica): Promise<number> =>
    sumOf(parseMetrics((await exchange(url, '/metrics')).text).samples, 'rtmanager_probes_total');
  const start = async (gameId: string) =>
    (await flow.lobby.answerTo(await flow.lobby.start(gameId, GAME_IMAGE))).fields;

  it('keeps probes going within seconds, set back and forward', async () => {
    await setClock(0);
    const replica = await up({ RTMANAGER_PROBE_INTERVAL: '1s' }, true);
    expect(await start(newGame())).to.include({ outcome: 'success' });
    for (const byMs of [-HOUR_MS, HOUR_MS, 0]) {
      await setClock(byMs);
      await replica.logged('the clock of this host was set');
      const before = await probes(replica);
      await eventually(async () => (await probes(replica)) >= before + 3, {
        what: `probes with a clock ${byMs} ms off`,
        ...PATIENCE,
      });
    }
  });

  it('retries a start for the whole retry window, 20 minutes ahead of PostgreSQL', async () => {
    const docker = await makeDockerProxy();
    try {
      await setClock(20 * 60_000);
      await up({ RTMANAGER_DOCKER_HOST: docker.host }, true);
      await docker.close();
      const gameId = newGame();
      const request = await flow.lobby.start(gameId, GAME_IMAGE);
      await eventually(async () => Number((await flow.rows.operations(gameId))[0]?.attempt) >= 3, {
        what: 'the third attempt',
        ...PATIENCE,
      });
      await docker.open();
      expect((await flow.lobby.answerTo(request)).fields).to.include({ outcome: 'success' });
    } finally {
      await docker.destroy();
    }
  });

  it('lets another replica take over from one that was an hour ahead and died in the middle of a stop', async () => {
    await setClock(HOUR_MS);
    const ahead = await up({ RTMANAGER_CONTAINER_STOP_TIMEOUT_SECONDS: '5' }, true);
    const gameId = newGame();
    expect(await start(gameId)).to.include({ outcome: 'success' });
    await writeFile(path.join(flow.world.stateRoot.path, gameId, 'ignore-sigterm'), '');
    const stop = await flow.lobby.stop(gameId);
    await eventually(
      async () =>
        (
          await flow.rows.query(
            `select 1 from rtmanager.operation_log where op_kind = 'stop' and status = 'running'`,
          )
        ).length === 1,
      { what: 'the stop to run', ...PATIENCE },
    );
    await up({ RTMANAGER_CONTAINER_STOP_TIMEOUT_SECONDS: '5' }, false);
    await ahead.end('SIGKILL');
    const { fields } = await flow.lobby.answerTo(stop);
    expect(fields).to.include({ outcome: 'success' });
  });
});
