import type { Resource } from '@opentelemetry/resources';
import type { IMetricReader } from '@opentelemetry/sdk-metrics';
import type { Sampler } from '@opentelemetry/sdk-trace';
import type { Config } from '../config.ts';
import type { makeOtelTracing } from './otel-tracing.ts';

type Settings = Config['telemetry'];
type Signal = 'traces' | 'metrics';

/** Where a signal goes and how it is written. */
interface Target {
  readonly url: string;
  readonly protocol: Settings['protocol'];
}

/** Undefined where nothing is to be sent: it is off, or no endpoint is set. */
export function targetOf(settings: Settings, signal: Signal): Target | undefined {
  const isOn = !settings.disabled && settings[`${signal}Exporter`] === 'otlp';
  const own = settings[`${signal}Endpoint`];
  const url = own ?? (settings.endpoint === undefined ? undefined : `${settings.endpoint}/v1/${signal}`);
  if (!isOn || url === undefined) return undefined;
  return { url, protocol: settings[`${signal}Protocol`] ?? settings.protocol };
}

// What sends is loaded where something is sent: it weighs as much as all else of telemetry.

/** Traces that are sent to `target`. */
export async function openTraces(
  settings: Settings,
  { url, protocol }: Target,
  resource: Resource,
): Promise<ReturnType<typeof makeOtelTracing>> {
  const [{ BatchSpanProcessor }, { OTLPTraceExporter }, tracing] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    protocol === 'http/json'
      ? import('@opentelemetry/exporter-trace-otlp-http')
      : import('@opentelemetry/exporter-trace-otlp-proto'),
    import('./otel-tracing.ts'),
  ]);
  const processor = new BatchSpanProcessor({
    exporter: new OTLPTraceExporter({ url }),
    scheduledDelayMillis: settings.spanDelayMs,
    maxQueueSize: settings.spanQueueSize,
    // A batch that is larger than the queue is refused.
    maxExportBatchSize: Math.min(settings.spanBatchSize, settings.spanQueueSize),
  });
  return tracing.makeOtelTracing({ resource, processor, sampler: await makeSampler(settings) });
}

async function makeSampler({ sampler, samplerShare }: Settings): Promise<Sampler> {
  const { AlwaysOffSampler, AlwaysOnSampler, ParentBasedSampler, TraceIdRatioBasedSampler } = await import(
    '@opentelemetry/sdk-trace'
  );
  const roots = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(samplerShare),
  };
  const root = roots[sampler.replace('parentbased_', '') as keyof typeof roots]();
  return sampler.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root;
}

/** Has all metrics sent to `target` every so often. */
export async function openMetrics(
  { metricsIntervalMs, metricsTimeoutMs }: Settings,
  { url, protocol }: Target,
): Promise<IMetricReader> {
  const [{ PeriodicExportingMetricReader }, { OTLPMetricExporter }] = await Promise.all([
    import('@opentelemetry/sdk-metrics'),
    protocol === 'http/json'
      ? import('@opentelemetry/exporter-metrics-otlp-http')
      : import('@opentelemetry/exporter-metrics-otlp-proto'),
  ]);
  return new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter({ url }),
    exportIntervalMillis: metricsIntervalMs,
    // A time limit beyond the interval is refused.
    exportTimeoutMillis: Math.min(metricsTimeoutMs, metricsIntervalMs),
  });
}
