import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { eventually } from '../../helpers/eventually.ts';
import type { Fault } from './fault.ts';
import type { FaultWorld } from './fault-world.ts';

export const redisFaults: readonly Fault[] = [
  {
    what: 'Redis killed, comes back with its data',
    lastsMs: { full: 3_000 },
    names: 'redis',
    async strike({ redis }) {
      await redis.kill();
      return () => redis.start();
    },
  },
  {
    what: 'Redis killed, comes back empty',
    lastsMs: { short: 1_000, full: 3_000 },
    names: 'redis',
    losesStreams: true,
    async strike({ redis }) {
      await redis.kill();
      await rm(redis.data, { recursive: true });
      return () => redis.start();
    },
  },
  {
    what: 'Redis can not be reached: refuses',
    lastsMs: { full: 30_000 },
    names: 'redis',
    async strike({ toRedis }) {
      await toRedis.close();
      return () => toRedis.open();
    },
  },
  {
    what: 'Redis can not be reached: silent',
    lastsMs: { full: 30_000 },
    names: 'redis',
    async strike({ toRedis }) {
      toRedis.hush();
      return async () => toRedis.speak();
    },
  },
  {
    what: 'all connections to Redis fall silent for good, new ones work',
    lastsMs: { full: 1_000 },
    async strike({ toRedis }) {
      toRedis.strand();
      return async () => {};
    },
  },
  {
    what: 'Redis has no memory left (maxmemory, noeviction)',
    lastsMs: { full: 10_000 },
    names: 'redis',
    async strike({ client }) {
      await client.config('SET', 'maxmemory', '1');
      return () => client.config('SET', 'maxmemory', '0');
    },
  },
  {
    what: 'Redis can not write its snapshot, and takes nothing more (MISCONF)',
    lastsMs: { full: 10_000 },
    names: 'redis',
    strike: failSnapshots,
  },
];

/** A directory stands where the snapshot is to be. */
async function failSnapshots({ client, redis }: FaultWorld): Promise<() => Promise<unknown>> {
  const file = path.join(redis.data, 'dump.rdb');
  await rm(file, { force: true });
  await mkdir(path.join(file, 'in-the-way'), { recursive: true });
  await client.config('SET', 'save', '3600 1');
  await snapshot(client, 'err');
  return async () => {
    await rm(file, { recursive: true });
    await snapshot(client, 'ok');
    await client.config('SET', 'save', '');
  };
}

async function snapshot(client: FaultWorld['client'], comesTo: 'ok' | 'err'): Promise<void> {
  await eventually(
    async () => {
      const info = await client.info('persistence');
      if (info.includes(`rdb_last_bgsave_status:${comesTo}`)) return true;
      if (info.includes('rdb_bgsave_in_progress:0')) await client.bgsave();
      return false;
    },
    { what: `a snapshot that comes to "${comesTo}"` },
  );
}
