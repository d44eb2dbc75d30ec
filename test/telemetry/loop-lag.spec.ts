import { expect } from 'chai';
import { type LoopLag, watchLoopLag } from '../../lib/telemetry/loop-lag.ts';
import { addProcessGauges } from '../../lib/telemetry/process-gauges.ts';
import { eventually } from '../helpers/eventually.ts';
import { makeReadMetrics } from '../helpers/read-metrics.ts';

describe('the lag of the event loop', () => {
  /** Keeps the loop from everything else for a while. */
  const block = (ms: number) => {
    for (const untilMs = performance.now() + ms; performance.now() < untilMs; );
  };
  /** Until the lag has been sampled once: what came before is not seen. */
  const sampled = async (lag: LoopLag) => {
    await eventually(() => lag.read(1) !== undefined, { what: 'a sample' });
  };

  it('is told to each of those who scrape it, a spike included', async () => {
    const { meter, read, samples } = makeReadMetrics();
    const gauges = addProcessGauges(meter, { replica: 'r', version: '1' });
    try {
      const worst = () => read('nodejs_eventloop_lag_seconds', { quantile: '1' });
      await eventually(
        async () => (await samples()).some(({ name }) => name === 'nodejs_eventloop_lag_seconds'),
        { what: 'a sample' },
      );
      block(400);
      await eventually(async () => (await worst()) > 0.25, { what: 'the spike' });
      expect(await worst()).to.be.above(0.25);
    } finally {
      gauges.close();
    }
  });

  it('is forgotten after a while', async () => {
    const lag = watchLoopLag(1_000);
    try {
      await sampled(lag);
      block(400);
      await eventually(() => (lag.read(1) ?? 0) > 0.25, { what: 'the spike' });
      await eventually(() => (lag.read(1) ?? 1) < 0.25, { what: 'the spike to be forgotten' });
    } finally {
      lag.close();
    }
  });
});
