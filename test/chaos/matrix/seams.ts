// Loaded into a replica before its main.ts: watches everything that it asks of PostgreSQL, Redis and Docker, and kills it
// in the moment that was ordered. Nothing in the product knows of it.
import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import { Redis } from 'ioredis';
import pg from 'pg';
import { nameCall, nameCommand, nameStatement } from './boundary-names.ts';

/** What the one who plays the matrix tells the replica. */
export type SeamOrder =
  /** Begins a new trace, and dies at this boundary of it, if one is given. */
  | { readonly order: 'watch'; readonly dieAt?: string }
  /** Sends the trace so far. */
  | { readonly order: 'tell' }
  /** Lets one that waits in reserve go on to its main.ts. */
  | { readonly order: 'go' };

let trace: string[] = [];
let times = new Map<string, number>();
let dieAt: string | undefined;

/** `before`: nothing was asked yet; `after`: the answer is there, and nobody has been told. */
function reach(when: 'before' | 'after', what: string): void {
  const key = `${when} ${what}`;
  const time = (times.get(key) ?? 0) + 1;
  times.set(key, time);
  const boundary = `${key} #${time}`;
  if (boundary === dieAt) process.kill(process.pid, 'SIGKILL');
  trace.push(boundary);
}

/** Waits for the answer before anybody else does: who asked first hears first. */
function watch<T>(what: string, ask: () => T): T {
  reach('before', what);
  const answer = ask();
  if (answer instanceof Promise)
    void answer.then(
      () => reach('after', what),
      () => reach('after', what),
    );
  return answer;
}

const query = pg.Client.prototype.query as (...given: unknown[]) => unknown;
/** By connection: a COMMIT is told apart by what its transaction began with. */
const begunWith = new WeakMap<object, string>();
pg.Client.prototype.query = function (this: pg.Client, ...given: unknown[]) {
  const [asked] = given;
  const text = typeof asked === 'string' ? asked : String((asked as { text?: string }).text ?? '');
  const name = nameStatement(text, begunWith.get(this));
  if (/^\s*(begin|start transaction)/i.test(text)) begunWith.set(this, '');
  else if (/^\s*(commit|rollback)/i.test(text)) begunWith.delete(this);
  else if (begunWith.get(this) === '') begunWith.set(this, name);
  return watch(name, () => query.apply(this, given));
} as typeof pg.Client.prototype.query;

const sendCommand = Redis.prototype.sendCommand;
Redis.prototype.sendCommand = function (this: Redis, command, ...rest) {
  const name = nameCommand(command.name, command.args);
  reach('before', name);
  void command.promise.then(
    () => reach('after', name),
    () => undefined,
  );
  return sendCommand.call(this, command, ...rest);
} as typeof sendCommand;

const callOf = (message: unknown): { readonly call: string; readonly isDocker: boolean } => {
  const { request } = message as { request: ClientRequest & { socketPath?: string } };
  return { call: nameCall(request.method, request.path), isDocker: request.socketPath !== undefined };
};
for (const [channel, when] of [
  ['http.client.request.created', 'before'],
  ['http.client.response.finish', 'after'],
] as const) {
  subscribe(channel, (message) => {
    const { call, isDocker } = callOf(message);
    if (isDocker) reach(when, call);
  });
}

const released = Promise.withResolvers<void>();
process.on('message', (message: SeamOrder) => {
  if (message.order === 'go') released.resolve();
  if (message.order === 'watch') {
    [trace, times, dieAt] = [[], new Map(), message.dieAt];
    process.send?.('watching');
  }
  if (message.order === 'tell') process.send?.(trace);
});
// In reserve, everything that takes long is done already when it is wanted.
await import('../../../app.ts');
await released.promise;
