/**
 * How soon another replica takes up the jobs of a dead one. Measured: 5.7 s with these, over a minute with the
 * library's defaults. The count never gives up, because the library would fail a job that stalled twice without
 * ever running it; doing nothing twice is what claims are for.
 */
export const workerLiveness = (leaseMs: number) => ({
  // No longer than the lease: a job that outlives it keeps its game from being dispatched.
  lockDuration: Math.min(5_000, leaseMs),
  stalledInterval: 2_000,
  // After an outage of Redis, take work up again within a second.
  runRetryDelay: 1_000,
  maxStalledCount: Number.MAX_SAFE_INTEGER,
});
