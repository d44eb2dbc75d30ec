import { expect } from 'chai';
import type { CommonQueryMethods } from 'slonik';
import { probeRuntimes } from '../../handlers/probe-runtimes.ts';
import { reconcileRuntimes } from '../../handlers/reconcile-runtimes.ts';
import { makeLeaseKeeper } from '../../queues/leases.ts';
import { eventually } from '../helpers/eventually.ts';
import { type HandlerSide, makeHandlerSide } from '../helpers/handler-side.ts';
import { makeMemoryLogger } from '../helpers/memory-logger.ts';
import { makeReadMetrics } from '../helpers/read-metrics.ts';

describe('what is counted where it happens', () => {
  let side: HandlerSide;

  before(async () => {
    side = await makeHandlerSide({ RTMANAGER_PROBE_INTERVAL: '200ms', RTMANAGER_PROBE_TIMEOUT: '200ms' });
  });
  after(() => side?.close());
  afterEach(() => side.store.clear());

  it('the steps that a reconcile pass finds, and the deaths that no event told of', async () => {
    const { metrics, read } = makeReadMetrics();
    for (const gameId of ['dead', 'gone', 'well']) await side.putGame(gameId);
    const [dead, gone] = [...side.world.containers.values()];
    if (dead) dead.state = 'exited';
    if (gone) side.world.containers.delete(gone.id);
    await reconcileRuntimes({ ...side.tick, metrics }, 'reconcile');
    const actions = 'rtmanager_reconcile_actions_total';
    expect(await read(actions, { action: 'mark_exited' })).to.equal(1);
    expect(await read(actions)).to.equal(2);
    expect(await read('rtmanager_events_missed_total')).to.equal(2);
  });

  it('every probe, by what it came to', async () => {
    const { metrics, read } = makeReadMetrics();
    await side.putGame('silent', { engineEndpoint: 'http://galaxy-game-silent:1' });
    await probeRuntimes({ ...side.tick, metrics });
    expect(await read('rtmanager_probes_total', { result: 'failed' })).to.equal(1);
    expect(await read('rtmanager_probes_total')).to.equal(1);
  });

  it('renewals that fail, and the lease that is lost by them', async () => {
    const { metrics, read } = makeReadMetrics();
    const away = { any: () => Promise.reject(new Error('away')) } as unknown as CommonQueryMethods;
    const keeper = makeLeaseKeeper(away, { leaseMs: 60, log: makeMemoryLogger(), metrics });
    try {
      const lease = keeper.hold({ gameId: 'g', operationId: 'o', attempt: 1 }, performance.now());
      await eventually(() => lease.signal.aborted, { what: 'the lease to be lost', intervalMs: 5 });
    } finally {
      keeper.close();
    }
    expect(await read('rtmanager_lease_renewal_failures_total')).to.be.at.least(1);
    expect(await read('rtmanager_leases_lost_total', { reason: 'expired' })).to.equal(1);
  });
});
