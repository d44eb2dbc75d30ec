import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Meter } from '@opentelemetry/api';
import { addGauges } from './gauges.ts';

/** How often the lag is sampled, milliseconds: often enough to see what delays a probe, and too seldom to be felt. */
const RESOLUTION_MS = 50;
const NANOS = 1e9;
const QUANTILES = ['0.5', '0.99', '1'] as const;

export interface Identity {
  /** As in the log. */
  readonly replica: string;
  readonly version: string;
}

/** What a replica says of its own process. Closed, it samples no more. */
export function addProcessGauges(meter: Meter, { replica, version }: Identity): { close(): void } {
  const lag = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  lag.enable();
  addGauges(meter, ['cpu', 'residentMemory', 'startTime', 'eventLoopLag', 'replicaInfo'], (observe) => {
    const { user, system } = process.cpuUsage();
    observe('cpu', (user + system) / 1e6, {});
    observe('residentMemory', process.memoryUsage.rss(), {});
    observe('startTime', performance.timeOrigin / 1_000, {});
    observe('replicaInfo', 1, { replica, version, node_version: process.version });
    // Nothing was sampled since the last reading: there is nothing to tell.
    if (lag.count === 0) return;
    for (const quantile of QUANTILES) {
      // The histogram counts the whole time between two samples; only what is beyond the interval is lag.
      const seconds = lag.percentile(Number(quantile) * 100) / NANOS - RESOLUTION_MS / 1_000;
      observe('eventLoopLag', Math.max(0, seconds), { quantile });
    }
    lag.reset();
  });
  return { close: () => lag.disable() };
}
