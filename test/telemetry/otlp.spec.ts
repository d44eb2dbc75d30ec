import { expect } from 'chai';
import { ConfigError } from '../../lib/config.ts';
import { targetOf } from '../../lib/telemetry/otlp.ts';
import { makeTestConfig } from '../helpers/test-config.ts';

const ENDPOINT = 'OTEL_EXPORTER_OTLP_ENDPOINT';
const COLLECTOR = 'http://collector:4318';

describe('where telemetry is sent', () => {
  const targets = (variables: Readonly<Record<string, string>>) => {
    const { telemetry } = makeTestConfig(variables);
    return [targetOf(telemetry, 'traces'), targetOf(telemetry, 'metrics')].map((target) => target?.url);
  };
  const cases: readonly [what: string, variables: Record<string, string>, ...urls: (string | undefined)[]][] =
    [
      ['nowhere unless an endpoint is set', {}, undefined, undefined],
      [
        'both to one endpoint',
        { [ENDPOINT]: COLLECTOR },
        `${COLLECTOR}/v1/traces`,
        `${COLLECTOR}/v1/metrics`,
      ],
      [
        'below its path',
        { [ENDPOINT]: `${COLLECTOR}/a/` },
        `${COLLECTOR}/a/v1/traces`,
        `${COLLECTOR}/a/v1/metrics`,
      ],
      [
        'to its own endpoint as it is',
        { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://t/x' },
        'http://t/x',
        undefined,
      ],
      [
        'nowhere when switched off',
        { [ENDPOINT]: COLLECTOR, OTEL_SDK_DISABLED: 'true' },
        undefined,
        undefined,
      ],
      [
        'not where its exporter is none',
        { [ENDPOINT]: COLLECTOR, OTEL_TRACES_EXPORTER: 'none' },
        undefined,
        `${COLLECTOR}/v1/metrics`,
      ],
      [
        'metrics to be scraped alone',
        { [ENDPOINT]: COLLECTOR, OTEL_METRICS_EXPORTER: 'prometheus' },
        `${COLLECTOR}/v1/traces`,
        undefined,
      ],
    ];
  for (const [what, variables, ...urls] of cases) {
    it(what, () => {
      expect(targets(variables)).to.deep.equal(urls);
    });
  }

  it('is written as asked for, each signal in its own way', () => {
    const { telemetry } = makeTestConfig({
      [ENDPOINT]: COLLECTOR,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/protobuf',
    });
    expect(targetOf(telemetry, 'traces')?.protocol).to.equal('http/json');
    expect(targetOf(telemetry, 'metrics')?.protocol).to.equal('http/protobuf');
  });

  for (const [name, value] of [
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4317'],
    ['OTEL_TRACES_EXPORTER', 'zipkin'],
    ['OTEL_TRACES_SAMPLER_ARG', '10%'],
    ['OTEL_METRIC_EXPORT_INTERVAL', '1m'],
  ] as const) {
    it(`is a problem of the start with ${name}=${value}`, () => {
      expect(() => makeTestConfig({ [name]: value })).to.throw(ConfigError, name);
    });
  }
});
