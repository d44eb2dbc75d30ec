// Loaded into a replica before its own code (`--import`); counts how often it asks PostgreSQL and Redis and waits for
// the answer, and tells its parent when that asks. A pipeline is one round trip, whatever is in it.
import { type Command, Pipeline, Redis } from 'ioredis';
import pg from 'pg';

/** By what was asked: the beginning of a statement, the name of a command. */
export interface RoundTrips {
  readonly postgres: Readonly<Record<string, number>>;
  readonly redis: Readonly<Record<string, number>>;
}

const counted = { postgres: new Map<string, number>(), redis: new Map<string, number>() };

function count(store: keyof typeof counted, what: string): void {
  counted[store].set(what, (counted[store].get(what) ?? 0) + 1);
}

/** Every statement of pg is sent and waited for by itself. */
const { query } = pg.Client.prototype;
pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
  const [given] = args as [string | { readonly text?: string }];
  const text = (typeof given === 'string' ? given : given.text) ?? '';
  count('postgres', text.replace(/\s+/g, ' ').trim().slice(0, 60));
  return Reflect.apply(query, this, args);
} as typeof query;

const { sendCommand } = Redis.prototype;
Redis.prototype.sendCommand = function (this: Redis, command: Command, stream) {
  // With a stream: one of a pipeline's.
  if (stream === undefined) count('redis', command.name);
  return sendCommand.call(this, command, stream);
};

const { exec } = Pipeline.prototype;
Pipeline.prototype.exec = function (this: InstanceType<typeof Pipeline>, ...args: Parameters<typeof exec>) {
  count('redis', 'pipeline');
  return Reflect.apply(exec, this, args);
};

process.on('message', (order) => {
  if (order !== 'count') return;
  const told: RoundTrips = {
    postgres: Object.fromEntries(counted.postgres),
    redis: Object.fromEntries(counted.redis),
  };
  counted.postgres.clear();
  counted.redis.clear();
  process.send?.(told);
});
