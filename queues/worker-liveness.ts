/**
 * How soon another replica takes up the jobs of a dead one; the library's defaults make it over a minute. The count never
 * gives up, because the library would fail a job that stalled twice without ever running it; doing nothing twice is what
 * claims are for.
 */
export const workerLiveness = (leaseMs: number) => ({
  // No longer than the lease: a job that outlives it keeps its game from being dispatched.
  lockDuration: Math.min(5_000, leaseMs),
  // A job is marked by one look and moved by a later one. One replica looks for all, and when it falls away the others may
  // come up to a second interval later: four intervals at worst, which must stay below the 5 s after the lease.
  stalledInterval: 1_000,
  // After an outage of Redis, take work up again within a second.
  runRetryDelay: 1_000,
  maxStalledCount: Number.MAX_SAFE_INTEGER,
});
