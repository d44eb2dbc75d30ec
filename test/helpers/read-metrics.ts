import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { type Metrics, makeMetrics } from '../../lib/telemetry/metrics.ts';
import { makeScrape } from '../../lib/telemetry/scrape.ts';
import { parseMetrics, type Sample } from './prometheus.ts';

/** Metrics as a replica has them, and what a scrape finds of them. */
export interface ReadMetrics {
  readonly metrics: Metrics;
  readonly meter: ReturnType<MeterProvider['getMeter']>;
  samples(): Promise<Sample[]>;
  /** The sum of the series with that name and these labels. */
  read(name: string, labels?: Sample['labels']): Promise<number>;
}

export function makeReadMetrics(): ReadMetrics {
  const { reader, scrape } = makeScrape();
  const meter = new MeterProvider({ readers: [reader] }).getMeter('test');
  const samples = async (): Promise<Sample[]> => {
    const text = await scrape();
    return text.startsWith('# no registered') ? [] : parseMetrics(text).samples;
  };
  return {
    meter,
    metrics: makeMetrics(meter),
    samples,
    read: async (name, labels = {}) => sumOf(await samples(), name, labels),
  };
}

export const sumOf = (samples: readonly Sample[], name: string, labels: Sample['labels'] = {}): number =>
  samples
    .filter((one) => one.name === name)
    .filter((one) => Object.entries(labels).every(([label, value]) => one.labels[label] === value))
    .reduce((sum, one) => sum + one.value, 0);
