/**
 * The variables of the OpenTelemetry specification that decide what RTM sends, and how often. Its exporters read the
 * others themselves: headers, time limits, compression and certificates of `OTEL_EXPORTER_OTLP_*`.
 */
import { httpBaseUrl } from './address-forms.ts';
import type { Limit } from './form.ts';
import { oneOf, shareForm, switchForm, wholeNumber } from './scalar-forms.ts';
import { defaulted, optional } from './variable.ts';

const AT_LEAST_ONE: Limit = { at: 1, because: 'with none nothing would ever be sent' };
const DAY_MS: Limit = { at: 86_400_000, because: 'it is in milliseconds, and that is a day' };
const QUEUE_MOST: Limit = { at: 1_000_000, because: 'spans that wait are held in memory' };

/** gRPC is left out: it takes a library of its own, and every collector takes HTTP too. */
const protocol = oneOf(['http/protobuf', 'http/json']);

const samplers = oneOf([
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
  'always_on',
  'always_off',
  'traceidratio',
]);

export const TELEMETRY_VARIABLES = {
  disabled: defaulted('OTEL_SDK_DISABLED', 'false', switchForm),
  tracesExporter: defaulted('OTEL_TRACES_EXPORTER', 'otlp', oneOf(['otlp', 'none'])),
  metricsExporter: defaulted('OTEL_METRICS_EXPORTER', 'otlp', oneOf(['otlp', 'prometheus', 'none'])),
  endpoint: optional('OTEL_EXPORTER_OTLP_ENDPOINT', httpBaseUrl, { secret: 'inside' }),
  tracesEndpoint: optional('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', httpBaseUrl, { secret: 'inside' }),
  metricsEndpoint: optional('OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', httpBaseUrl, { secret: 'inside' }),
  protocol: defaulted('OTEL_EXPORTER_OTLP_PROTOCOL', 'http/protobuf', protocol),
  tracesProtocol: optional('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', protocol),
  metricsProtocol: optional('OTEL_EXPORTER_OTLP_METRICS_PROTOCOL', protocol),
  sampler: defaulted('OTEL_TRACES_SAMPLER', 'parentbased_always_on', samplers),
  samplerShare: defaulted('OTEL_TRACES_SAMPLER_ARG', '1', shareForm),
  spanDelayMs: defaulted('OTEL_BSP_SCHEDULE_DELAY', '5000', wholeNumber(AT_LEAST_ONE, DAY_MS)),
  spanQueueSize: defaulted('OTEL_BSP_MAX_QUEUE_SIZE', '2048', wholeNumber(AT_LEAST_ONE, QUEUE_MOST)),
  spanBatchSize: defaulted('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', '512', wholeNumber(AT_LEAST_ONE, QUEUE_MOST)),
  metricsIntervalMs: defaulted('OTEL_METRIC_EXPORT_INTERVAL', '60000', wholeNumber(AT_LEAST_ONE, DAY_MS)),
  metricsTimeoutMs: defaulted('OTEL_METRIC_EXPORT_TIMEOUT', '30000', wholeNumber(AT_LEAST_ONE, DAY_MS)),
} as const;
