import { createNoopMeter, type Meter } from '@opentelemetry/api';
import { boundedLabels } from './bounded-labels.ts';
import { CATALOGUE, type Catalogue, type KeyOf, type LabelsOf, type Metric } from './catalogue.ts';

/** A metric without labels needs none. */
type LabelArgs<K extends keyof Catalogue> = keyof LabelsOf<Catalogue[K]> extends never
  ? []
  : [labels: LabelsOf<Catalogue[K]>];

/** What is counted and timed where it happens. */
export interface Metrics {
  /** Counts one, or `by` where that is not one. */
  count<K extends KeyOf<'counter'>>(key: K, ...labels: LabelArgs<K>): void;
  countMany<K extends KeyOf<'counter'>>(key: K, by: number, ...labels: LabelArgs<K>): void;
  time<K extends KeyOf<'histogram'>>(key: K, seconds: number, ...labels: LabelArgs<K>): void;
}

/** Makes the instruments of the catalogue that record what happens; gauges are read instead (gauges.ts). */
export function makeMetrics(meter: Meter): Metrics {
  const of = <T>(type: Metric['type'], make: (metric: Metric) => T): Map<string, T> =>
    new Map(
      Object.entries<Metric>(CATALOGUE)
        .filter(([, metric]) => metric.type === type)
        .map(([key, metric]) => [key, make(metric)]),
    );
  const counters = of('counter', ({ name, ...options }) => meter.createCounter(name, optionsOf(options)));
  const histograms = of('histogram', ({ name, buckets = [], ...options }) =>
    meter.createHistogram(name, {
      ...optionsOf(options),
      advice: { explicitBucketBoundaries: [...buckets] },
    }),
  );
  const countMany: Metrics['countMany'] = (key, by, ...[labels = {}]) =>
    counters.get(key)?.add(by, boundedLabels(key, labels));
  return {
    countMany,
    count: (key, ...labels) => countMany(key, 1, ...labels),
    time: (key, seconds, ...[labels = {}]) =>
      histograms.get(key)?.record(seconds, boundedLabels(key, labels)),
  };
}

export const optionsOf = ({ unit, description }: Pick<Metric, 'unit' | 'description'>) => ({
  unit,
  description,
});

/** For parts that stand alone, as in tests. */
export const NO_METRICS: Metrics = makeMetrics(createNoopMeter());
