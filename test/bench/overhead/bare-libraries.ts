// What the libraries by themselves cost an operation, apart from the process that measures; see libraries.ts. It asks what a
// replica asks for one start and one stop, of the same servers, and does nothing with the answers.
import { Queue, Worker } from 'bullmq';
import Docker from 'dockerode';
import { Redis } from 'ioredis';
import pMap from 'p-map';
import { createPool, sql } from 'slonik';
import { z } from 'zod';

/** Milliseconds of CPU an operation, by what was asked. */
export type LibraryFigures = Readonly<Record<string, number>>;

const OPERATIONS = 1_500;
const WARM_UP = 300;
const AT_ONCE = 32;
/** As `overhead counts` finds them under load; a start and a stop share the rest evenly. */
const POSTGRES_TRIPS = 3;
const PUBLISHED_AT_ONCE = 8;

const [dsn = '', redisPort = '', socketPath = '', lobbyUrl = '', network = ''] = process.argv.slice(2);

const docker = new Docker({ socketPath });
/** Four calls for each of the two: of a start and of a stop. */
async function askDocker(index: number): Promise<void> {
  const name = `bare-${index}`;
  if (index % 2 === 1) return stopOne(`bare-${index - 1}`);
  await docker.listContainers({ all: true, filters: { label: [`none=${name}`] } });
  await docker.getImage('galaxy/game:1.0.0').inspect();
  const body = { Image: 'galaxy/game:1.0.0', Labels: {}, HostConfig: { NetworkMode: network } };
  const container = await docker.createContainer({ name, ...body });
  made.set(name, container);
  await container.start();
}

const made = new Map<string, Docker.Container>();
async function stopOne(name: string): Promise<void> {
  const container = made.get(name);
  if (!container) throw new Error(`${name} was not started`);
  await container.inspect();
  await container.stop();
  await container.inspect();
  await container.logs({ stdout: true, stderr: true, tail: 50 });
}

/** A start asks Lobby, a stop does not. */
async function askLobby(index: number): Promise<void> {
  if (index % 2 === 0) await (await fetch(`${lobbyUrl}/api/v1/internal/games/bare-${index}`)).json();
}

const pool = await createPool(dsn, { captureStackTrace: false, resetConnection: async () => {} });
const row = z.strictObject({ id: z.string(), status: z.string(), at: z.number(), fields: z.unknown() });
async function askPostgres(index: number): Promise<void> {
  for (let trip = 0; trip < POSTGRES_TRIPS; trip += 1) {
    await pool.any(sql.type(row)`
      select ${`bare-${index}`} as id, ${'running'} as status, ${index}::float8 as at, ${JSON.stringify({ index })}::jsonb as fields`);
  }
}

const connection = new Redis({ port: Number(redisPort), maxRetriesPerRequest: null });
/** An entry comes in and one goes out, some at a time. */
async function askRedis(index: number): Promise<void> {
  if (index % PUBLISHED_AT_ONCE > 0) return;
  const pipeline = connection.pipeline();
  for (let one = 0; one < PUBLISHED_AT_ONCE; one += 1)
    pipeline.xadd('bare:out', '*', 'game_id', 'bare', 'outcome', 'success', 'operation_id', String(index));
  await pipeline.exec();
  await connection.xread('COUNT', PUBLISHED_AT_ONCE, 'STREAMS', 'bare:out', '0');
}

const queue = new Queue('bare', { connection, prefix: 'bare' });
const waiting = new Map<string, () => void>();
const worker = new Worker(
  'bare',
  async (job) => {
    waiting.get(job.id ?? '')?.();
    return { result: 'done' };
  },
  { connection: connection.duplicate(), prefix: 'bare', concurrency: AT_ONCE },
);
async function runJob(index: number): Promise<void> {
  const jobId = `bare-${index}-${performance.now()}`;
  const done = Promise.withResolvers<void>();
  waiting.set(jobId, done.resolve);
  const opts = { jobId, deduplication: { id: jobId }, removeOnComplete: { count: 500 } };
  await queue.addBulk([{ name: 'start', data: { game_id: 'bare' }, opts }]);
  await done.promise;
  waiting.delete(jobId);
}

/** One after the other where a stop needs its start. */
async function cpuMsOf(ask: (index: number) => Promise<void>): Promise<number> {
  const all = async (from: number, count: number) => {
    const pairs = Array.from({ length: count / 2 }, (_, pair) => from + pair * 2);
    const both = async (index: number) => {
      await ask(index);
      await ask(index + 1);
    };
    await pMap(pairs, both, { concurrency: AT_ONCE });
  };
  await all(0, WARM_UP);
  const before = process.cpuUsage();
  await all(WARM_UP, OPERATIONS);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / OPERATIONS;
}

const figures: LibraryFigures = {
  'dockerode: 4 calls': await cpuMsOf(askDocker),
  'fetch: half a question to Lobby': await cpuMsOf(askLobby),
  [`slonik: ${POSTGRES_TRIPS} statements`]: await cpuMsOf(askPostgres),
  'ioredis: an entry read, one written': await cpuMsOf(askRedis),
  'BullMQ: one job': await cpuMsOf(runJob),
};
await worker.close();
await queue.close();
await pool.end();
connection.disconnect();
process.send?.(figures, () => process.exit(0));
