import { inspectRuntimes } from '../../handlers/inspect-runtimes.ts';
import { probeRuntimes } from '../../handlers/probe-runtimes.ts';
import { reconcileRuntimes } from '../../handlers/reconcile-runtimes.ts';
import type { TickContext } from '../../handlers/types.ts';
import { parseConfig } from '../../lib/config.ts';
import { makeConfiguredDocker } from '../../lib/docker/configured-docker.ts';
import { makeEngineProber } from '../../lib/engine-prober.ts';
import { planProbes } from '../../lib/probe-plan.ts';
import { NO_METRICS } from '../../lib/telemetry/metrics.ts';
import { planRound } from '../../lib/tick-slice.ts';
import { makePool } from '../../sql/pool.ts';
import { makeMemoryLogger } from '../helpers/memory-logger.ts';
import type { RtmVariables } from '../helpers/rtm-env.ts';
import { quantile } from './statistics.ts';

const PASSES = 5;
/** Each takes its second, however few games it has. */
const PROBE_TICKS = 4;

/** At the median, milliseconds. */
interface TickTimes {
  /** CPU of this process: probes are spread over the tick's second on purpose. */
  readonly probeCpuMs: number;
  readonly inspectMs: number;
  readonly reconcileMs: number;
}

/** Times in this process what a replica with these variables does every so often for all games. */
export async function timeTicks({ variables }: { readonly variables: RtmVariables }): Promise<TickTimes> {
  await using stack = new AsyncDisposableStack();
  const config = parseConfig(variables);
  const log = makeMemoryLogger();
  const pool = await makePool({ dsn: config.postgres.dsn, max: 3, name: 'growth' });
  const db = stack.adopt(pool, (one) => one.end());
  const docker = makeConfiguredDocker(config);
  const prober = makeEngineProber({ docker, timeoutMs: config.probe.timeoutMs, log });
  const engines = stack.adopt(prober, (one) => one.close());
  const context: TickContext = {
    dueAtMs: 0,
    turnMs: 0,
    signal: new AbortController().signal,
    log,
    docker,
    db,
    wake: async () => undefined,
    publish: async () => undefined,
    listenAnew: () => undefined,
    metrics: NO_METRICS,
    engines,
    reconcile: (...pass) => reconcileRuntimes(context, ...pass),
    now: Date.now,
    config,
  };

  async function timed(work: () => Promise<unknown>): Promise<number> {
    const beganMs = performance.now();
    await work();
    return performance.now() - beganMs;
  }
  /** Two rounds, of which the first one warms up. */
  async function timeInspection(): Promise<number> {
    const { sliceMs, slices } = planRound(config.inspect.intervalMs);
    const tookMs: number[] = [];
    for (let tick = 0; tick < 2 * slices; tick += 1)
      tookMs.push(
        await timed(() => inspectRuntimes({ ...context, dueAtMs: tick * sliceMs, turnMs: tick * sliceMs })),
      );
    return quantile(tookMs.slice(slices), 0.5);
  }
  async function timeProbes(): Promise<number> {
    const { sliceMs } = planProbes(config.probe);
    const cpuMs: number[] = [];
    for (let tick = 0; tick <= PROBE_TICKS; tick += 1) {
      const before = process.cpuUsage();
      await probeRuntimes({ ...context, dueAtMs: tick * sliceMs, turnMs: tick * sliceMs });
      const { user, system } = process.cpuUsage(before);
      cpuMs.push((user + system) / 1_000);
    }
    return quantile(cpuMs.slice(1), 0.5);
  }
  const passes: number[] = [];
  for (let pass = -1; pass < PASSES; pass += 1) {
    const tookMs = await timed(() => reconcileRuntimes(context, 'reconcile'));
    if (pass >= 0) passes.push(tookMs);
  }
  return {
    reconcileMs: quantile(passes, 0.5),
    probeCpuMs: await timeProbes(),
    inspectMs: await timeInspection(),
  };
}
