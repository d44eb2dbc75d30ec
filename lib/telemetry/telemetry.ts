import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DiagLogLevel, diag, type Meter } from '@opentelemetry/api';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import type { Config } from '../config.ts';
import type { Logger } from '../logger.ts';
import { beginCounters } from './begin-counters.ts';
import { type Metrics, makeMetrics } from './metrics.ts';
import { openMetrics, openTraces, targetOf } from './otlp.ts';
import { addProcessGauges } from './process-gauges.ts';
import { makeWatchRun, type WatchRun } from './run-watch.ts';
import { makeScrape } from './scrape.ts';
import { NO_TRACING, type Tracing } from './tracing.ts';

export interface Telemetry {
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly watchRun: WatchRun;
  /** For gauges that are read elsewhere (gauges.ts). */
  readonly meter: Meter;
  /** Every metric in the text format of Prometheus. */
  scrape(): Promise<string>;
  /** Sends what has not been sent yet, in two seconds at most. */
  close(): Promise<void>;
}

interface TelemetryOptions {
  readonly settings: Config['telemetry'];
  /** Names this process, as in its log. */
  readonly replica: string;
  readonly log: Logger;
}

/** How long closing waits for a collector. */
const CLOSE_MS = 2_000;

/**
 * Metrics, which are there to be scraped whatever is configured, and traces, where there is an endpoint to send them
 * to. Nothing is sent anywhere without one.
 */
export async function openTelemetry({ settings, replica, log }: TelemetryOptions): Promise<Telemetry> {
  const version = readVersion();
  const targets = { traces: targetOf(settings, 'traces'), metrics: targetOf(settings, 'metrics') };
  // What the exporters have to complain of. It is one for the whole process.
  if (targets.traces || targets.metrics) {
    diag.setLogger(complaintsTo(log), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  }
  const resource = resourceFromAttributes({
    'service.name': 'rtmanager',
    'service.version': version,
    'service.instance.id': replica,
  }).merge(detectResources({ detectors: [envDetector] }));

  const { reader, scrape } = makeScrape();
  const sent = targets.metrics ? [await openMetrics(settings, targets.metrics)] : [];
  const meters = new MeterProvider({ resource, readers: [reader, ...sent] });
  const meter = meters.getMeter('rtmanager');
  const ownGauges = addProcessGauges(meter, { replica, version });
  const metrics = makeMetrics(meter);
  beginCounters(metrics);
  const traces = targets.traces ? await openTraces(settings, targets.traces, resource) : undefined;
  const tracing = traces ?? NO_TRACING;
  return {
    metrics,
    tracing,
    watchRun: makeWatchRun({ metrics, tracing }),
    meter,
    scrape,
    async close() {
      ownGauges.close();
      const closed = Promise.all([meters.shutdown(), traces?.close()]).catch((error: unknown) =>
        log.warn('the last metrics and spans could not be sent', { error }),
      );
      await Promise.race([closed, sleep(CLOSE_MS, undefined, { ref: false })]);
    },
  };
}

function complaintsTo(log: Logger) {
  const complain = (message: string, ...details: unknown[]): void =>
    log.warn('OpenTelemetry', { reason: message, details });
  const ignore = (): void => undefined;
  return { error: complain, warn: complain, info: ignore, debug: ignore, verbose: ignore };
}

function readVersion(): string {
  const { version }: { version?: unknown } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  return String(version);
}
