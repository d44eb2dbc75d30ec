import type { Docker } from '../lib/docker/docker.ts';
import type { ContainerStats } from '../lib/docker/read-stats.ts';
import { RuntimeError } from '../lib/errors.ts';
import { type GameId, parseGameId } from '../lib/game-id.ts';
import { neverStarted } from '../lib/runtime-record.ts';
import { makeSemaphore } from '../lib/semaphore.ts';
import { makeSingleFlight } from '../lib/single-flight.ts';
import type { Route } from './route.ts';
import type { RuntimeReads } from './runtime-reads.ts';

interface StatsDeps {
  readonly reads: Pick<RuntimeReads, 'find'>;
  readonly docker: Pick<Docker, 'readStats'>;
}

/** Containers measured at once: each keeps Docker at work for a second or two. */
const PARALLEL = 8;

/** Serves what a game's engine uses. All who ask for one container while it is measured share that measurement. */
export function makeStatsRoute({ reads, docker }: StatsDeps): Route {
  const measurements = makeSingleFlight<string, ContainerStats | null>();
  const turns = makeSemaphore(PARALLEL);
  const measure = (id: string, left: AbortSignal) =>
    measurements.run(id, (shared) => turns.run(() => docker.readStats(id, shared), shared), left);

  return async (request, response) => {
    const gameId = parseGameId(String(request.params.game_id));
    const runtime = await reads.find(gameId);
    if (!runtime) throw neverStarted(gameId);
    const { status, currentContainerId: id } = runtime;
    if (status !== 'running' || id === null) throw notRunning(gameId, `it is ${status}`);
    const left = new AbortController();
    response.once('close', () => left.abort());
    try {
      const stats = await measure(id, left.signal);
      if (!stats) throw notRunning(gameId, 'its container has ended');
      response.json(renderStats({ gameId, containerId: id }, stats));
    } catch (error) {
      // Nobody is there any more to be told, and nothing went wrong.
      if (!left.signal.aborted) throw error;
    }
  };
}

const notRunning = (gameId: GameId, why: string): RuntimeError =>
  new RuntimeError('conflict', `Game ${gameId} can not be measured: ${why}`);

const renderStats = (of: { gameId: string; containerId: string }, stats: ContainerStats) => ({
  game_id: of.gameId,
  container_id: of.containerId,
  observed_at: new Date(stats.observedAtMs).toISOString(),
  cpu_percent: stats.cpuPercent,
  cpu_quota: stats.cpuQuota,
  memory_used_bytes: stats.memoryUsedBytes,
  memory_limit_bytes: stats.memoryLimitBytes,
  network_rx_bytes: stats.networkRxBytes,
  network_tx_bytes: stats.networkTxBytes,
  block_read_bytes: stats.blockReadBytes,
  block_write_bytes: stats.blockWriteBytes,
  pids: stats.pids,
  pids_limit: stats.pidsLimit,
});
