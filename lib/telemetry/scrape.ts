import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MetricReader } from '@opentelemetry/sdk-metrics';

/** Reads all metrics when it is asked, and never by itself. */
class OnDemandReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** Names stand in the catalogue as Prometheus has them; where metrics come from, Prometheus knows itself. */
const SERIALIZER = {
  prefix: undefined,
  timestamps: false,
  resourceLabels: undefined,
  noTarget: true,
  noScope: true,
};

/**
 * Metrics in the text format of Prometheus, and the reader that they are read by. Scrapes that meet share one reading.
 *
 * @returns `scrape` rejects when a metric could not be read
 */
export function makeScrape(): { readonly reader: MetricReader; readonly scrape: () => Promise<string> } {
  const { prefix, timestamps, resourceLabels, noTarget, noScope } = SERIALIZER;
  const serializer = new PrometheusSerializer(prefix, timestamps, resourceLabels, noTarget, noScope);
  const reader = new OnDemandReader();
  let underWay: Promise<string> | undefined;

  async function read(): Promise<string> {
    try {
      const { resourceMetrics, errors } = await reader.collect();
      if (errors.length > 0) throw new AggregateError(errors, 'metrics could not be read');
      return serializer.serialize(resourceMetrics);
    } finally {
      underWay = undefined;
    }
  }
  return {
    reader,
    scrape() {
      underWay ??= read();
      return underWay;
    },
  };
}
