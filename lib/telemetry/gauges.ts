import type { Meter, Observable } from '@opentelemetry/api';
import { boundedLabels } from './bounded-labels.ts';
import { CATALOGUE, type Catalogue, type KeyOf, type LabelsOf, type Metric } from './catalogue.ts';
import { optionsOf } from './metrics.ts';

/** What is read, and not recorded as it happens. */
export type ReadKey = KeyOf<'gauge' | 'read_counter'>;

/** Notes what one series is now. */
export type Observe<Key extends ReadKey> = <K extends Key>(
  key: K,
  value: number,
  labels: LabelsOf<Catalogue[K]>,
) => void;

/**
 * Has `read` asked for these metrics whenever somebody reads them. What it does not note is missing from that reading;
 * it may not reject.
 */
export function addGauges<Key extends ReadKey>(
  meter: Meter,
  keys: readonly Key[],
  read: (observe: Observe<Key>) => Promise<void> | void,
): void {
  const made = new Map<Key, Observable>(keys.map((key) => [key, makeObservable(meter, CATALOGUE[key])]));
  meter.addBatchObservableCallback(
    async (result) => {
      await read((key, value, labels) => {
        const observable = made.get(key);
        if (observable) result.observe(observable, value, boundedLabels(key, labels));
      });
    },
    [...made.values()],
  );
}

const makeObservable = (meter: Meter, metric: Metric): Observable =>
  metric.type === 'read_counter'
    ? meter.createObservableCounter(metric.name, optionsOf(metric))
    : meter.createObservableGauge(metric.name, optionsOf(metric));
