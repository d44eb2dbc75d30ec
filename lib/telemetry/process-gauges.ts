import type { Meter } from '@opentelemetry/api';
import { addGauges } from './gauges.ts';
import { watchLoopLag } from './loop-lag.ts';

const QUANTILES = ['0.5', '0.99', '1'] as const;

export interface Identity {
  /** As in the log. */
  readonly replica: string;
  readonly version: string;
}

/** What a replica says of its own process. Closed, it samples no more. */
export function addProcessGauges(meter: Meter, { replica, version }: Identity): { close(): void } {
  const lag = watchLoopLag();
  addGauges(meter, ['cpu', 'residentMemory', 'startTime', 'eventLoopLag', 'replicaInfo'], (observe) => {
    const { user, system } = process.cpuUsage();
    observe('cpu', (user + system) / 1e6, {});
    observe('residentMemory', process.memoryUsage.rss(), {});
    observe('startTime', performance.timeOrigin / 1_000, {});
    observe('replicaInfo', 1, { replica, version, node_version: process.version });
    for (const quantile of QUANTILES) {
      const seconds = lag.read(Number(quantile));
      if (seconds !== undefined) observe('eventLoopLag', seconds, { quantile });
    }
  });
  return lag;
}
