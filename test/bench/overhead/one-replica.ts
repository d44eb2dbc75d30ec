import { startReplica } from '../replica.ts';
import { type Answered, makeRequests } from '../requests.ts';
import { printTable, quantile } from '../statistics.ts';
import { flood, inWorld, ON_ITS_CORE, OTHER_CORES, rate } from './flood.ts';

const PACED_SECONDS = 10;
const SINGLE_GAMES = 40;

const latencies = ({ latenciesMs }: Answered): string[] =>
  [0.5, 0.9, 0.99, 1].map((share) => quantile(latenciesMs, share).toFixed(0));

/** One replica on a core of its own. */
export const measureOne = (games: number): Promise<void> =>
  inWorld(OTHER_CORES, async ({ variables, redis }) => {
    const requests = makeRequests(redis);
    await using replica = await startReplica(variables, { prefix: ON_ITS_CORE });
    const { perSecond, cpuMs } = await flood(requests, [replica], games);
    const half = await requests.pace(perSecond / 2, PACED_SECONDS);
    const single = await requests.oneByOne(SINGLE_GAMES);
    printTable([
      ['one replica on one core', 'operations/s', 'CPU ms each'],
      ['median', perSecond.toFixed(0), cpuMs.toFixed(2)],
    ]);
    printTable([
      ['from request to answer, ms', 'p50', 'p90', 'p99', 'most'],
      [`half of that: ${rate(half).toFixed(0)} a second`, ...latencies(half)],
      ['one at a time', ...latencies(single)],
    ]);
    console.log(`warnings: ${replica.warnings.length}`);
  });
