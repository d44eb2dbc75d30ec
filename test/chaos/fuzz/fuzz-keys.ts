import fc, { type Arbitrary } from 'fast-check';
import { STREAMS } from '../../helpers/lobby.ts';
import type { TestRedis } from '../../helpers/redis.ts';
import type { Violation } from '../invariants.ts';
import { type Extent, failureIn, runsOf } from './fuzz-seed.ts';
import { assertServed, type StreamsAsked, servedEntries, untilEnded, writeAll } from './fuzz-streams.ts';
import type { FuzzWorld } from './fuzz-world.ts';

const KEYS = [STREAMS.startJobs, STREAMS.stopJobs] as const;
const AWAY = 'fuzz:away';

/** What somebody may do to the key of a stream that RTM reads. */
const DEEDS = {
  delete: (client, key) => client.del(key),
  trim: (client, key) => client.xtrim(key, 'MAXLEN', 0),
  'delete its entries': async (client, key) => {
    const entries = await client.xrange(key, '-', '+', 'COUNT', 50);
    if (entries.length > 0) await client.xdel(key, ...entries.map(([id]) => id));
  },
  rename: (client, key) => client.rename(key, AWAY),
  'rename back': (client, key) => client.rename(AWAY, key),
  'make a string': (client, key) => client.set(key, 'a string'),
  'make a list': async (client, key) => {
    await client.del(key);
    await client.lpush(key, 'a list');
  },
  'make a hash': async (client, key) => {
    await client.del(key);
    await client.hset(key, 'a', 'hash');
  },
  'make a group': (client, key) => client.xgroup('CREATE', key, 'somebody', '0', 'MKSTREAM'),
  'let it expire': (client, key) => client.pexpire(key, 1),
} satisfies Record<string, (client: TestRedis['client'], key: string) => Promise<unknown>>;

type Deed = readonly [keyof typeof DEEDS, (typeof KEYS)[number]];

const deed: Arbitrary<Deed> = fc.tuple(
  fc.constantFrom(...(Object.keys(DEEDS) as (keyof typeof DEEDS)[])),
  fc.constantFrom(...KEYS),
);

/**
 * Does generated things to the keys of the job streams while RTM reads them, and makes streams of them again. What is
 * written then must be served, whatever became of what was there before.
 */
export async function fuzzKeys(
  fuzz: FuzzWorld,
  extent: Extent,
  told: StreamsAsked,
): Promise<{ readonly cases: number; readonly violations: readonly Violation[] }> {
  const { client } = fuzz.world.redis;
  let cases = 0;
  const property = fc.asyncProperty(fc.array(deed, { minLength: 1, maxLength: 6 }), async (deeds) => {
    cases += 1;
    for (const [name, key] of deeds) {
      // Nobody has promised to serve these: they are deleted half-way.
      await writeAll(fuzz, servedEntries(`lost-${cases}`)).catch(() => undefined);
      await DEEDS[name](client, key).catch(() => undefined);
    }
    for (const key of KEYS) {
      await client.persist(key);
      if ((await client.type(key)) !== 'stream') await client.del(key);
    }
    const written = await writeAll(fuzz, servedEntries(`kept-${cases}`), told);
    await untilEnded(fuzz, written);
    assertServed(fuzz, written);
  });
  const details = await fc.check(property, runsOf(extent.cases, extent));
  return { cases, violations: failureIn('keys', details) };
}
