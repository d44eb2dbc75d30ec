/**
 * What RTM itself costs an operation: starts and stops of games by the streams, with a Docker that answers at once. On two
 * cores: first one replica that has one of them alone while everything else shares the other; whose time that is; what the
 * libraries alone cost there; how often PostgreSQL and Redis are asked; then one, two and four replicas that share both
 * cores with everything else. PostgreSQL and Redis are real, and write as they do in earnest. Prints figures; fails only
 * where an operation does.
 */
import { loadavg } from 'node:os';
import { measureLibraries } from './overhead/libraries.ts';
import { measureOne } from './overhead/one-replica.ts';
import { profileOne } from './overhead/profile.ts';
import { countRoundTrips } from './overhead/round-trips.ts';
import { measureSeveral } from './overhead/several-replicas.ts';

const [part = 'all', games = '750'] = process.argv.slice(2);

const parts: Readonly<Record<string, (games: number) => Promise<void>>> = {
  one: measureOne,
  profile: profileOne,
  libraries: measureLibraries,
  counts: countRoundTrips,
  several: measureSeveral,
};
if (part !== 'all' && !(part in parts)) {
  throw new Error(`There is no part ${part}; there are: all, ${Object.keys(parts).join(', ')}`);
}
for (const [name, measure] of Object.entries(parts)) {
  if (part !== 'all' && part !== name) continue;
  console.log(`load average before: ${loadavg()[0]?.toFixed(2)}`);
  await measure(Number(games));
}
