/**
 * What RTM adds to a start: stream entry to job result, against dockerode's create and start of the very same
 * container, one at a time and in turn within one run. Prints figures and asserts nothing.
 */
import { makeWorld } from '../helpers/rtm-env.ts';
import { stopServices } from '../helpers/services.ts';
import { timeRawStart } from './raw-start.ts';
import { startReplica } from './replica.ts';
import { printTable, quantile } from './statistics.ts';
import { makeStarter } from './timed-start.ts';

const ROUNDS = Number(process.argv[2] ?? 30);
const WARM_UP = 3;

const world = await makeWorld();
try {
  await using replica = await startReplica(world.variables());
  const raw: number[] = [];
  const rtm: number[] = [];
  const starter = makeStarter(world.redis);
  for (let round = 0; round < ROUNDS + WARM_UP; round += 1) {
    const rawMs = await timeRawStart(world, `raw-${round}`);
    const rtmMs = await starter.start(`rtm-${round}`);
    if (round < WARM_UP) continue;
    raw.push(rawMs);
    rtm.push(rtmMs);
  }
  const added = rtm.map((tookMs, index) => tookMs - (raw[index] ?? 0));
  const ms = (samples: readonly number[], share: number) => quantile(samples, share).toFixed(1);
  const row = (name: string, samples: readonly number[]) => [
    name,
    ms(samples, 0.5),
    ms(samples, 0.9),
    ms(samples, 0.99),
  ];
  printTable([
    [`start, one at a time, ${ROUNDS} rounds`, 'p50 ms', 'p90 ms', 'p99 ms'],
    row('dockerode create + start', raw),
    row('RTM, stream entry to job result', rtm),
    row('added, pair by pair', added),
  ]);
  const median = quantile(rtm, 0.5) - quantile(raw, 0.5);
  console.log(
    `difference of the medians: ${median.toFixed(1)} ms; idle replica before the run: ${(replica.idleRssBytes / 2 ** 20).toFixed(0)} MiB RSS`,
  );
} finally {
  await world.destroy();
  await stopServices();
}
