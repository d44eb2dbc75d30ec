import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { findOnPath } from '../../../dev/machine/find-on-path.mjs';
import { CACHE_DIR } from '../../../dev/paths.ts';
import type { RtmVariables } from '../../helpers/rtm-env.ts';
import type { SeamOrder } from './seams.ts';

const MAIN = fileURLToPath(new URL('../../../main.ts', import.meta.url));
const SEAMS = new URL('./seams.ts', import.meta.url).href;

/** A replica that dies at the boundary that it is told. */
export interface Victim {
  /** Where its internal listener is reached; '' before it is up. */
  readonly url: string;
  readonly isDead: boolean;
  /** By which signal; undefined for one that ended by itself. */
  readonly died: Promise<NodeJS.Signals | undefined>;
  /** When it took an operation of which game, epoch milliseconds. */
  readonly claims: readonly { readonly gameId: string; readonly atMs: number }[];
  /** Lets it go on from where it waits in reserve; resolves when it is up, or dead. */
  go(): Promise<void>;
  /** Begins a new trace, in which it dies at the boundary given. */
  watch(dieAt?: string): Promise<void>;
  /** What it has reached since. */
  trace(): Promise<readonly string[]>;
  kill(): Promise<void>;
}

/** Starts a process that has loaded everything, and waits for `go`. The kernel kills it when this process dies. */
export function makeVictim(variables: RtmVariables): Victim {
  const tie = findOnPath('setpriv') ? ['setpriv', '--pdeathsig', 'KILL', '--'] : [];
  const [program = '', ...args] = [...tie, process.execPath, '--import', SEAMS, MAIN];
  const child: ChildProcess = spawn(program, args, {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: path.join(CACHE_DIR, 'compiled'), ...variables },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const up = Promise.withResolvers<void>();
  let url = '';
  const claims: { readonly gameId: string; readonly atMs: number }[] = [];
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as { message: string; timestamp: string; url?: string; game_id?: string };
      if (said.message === 'operation claimed')
        claims.push({ gameId: said.game_id ?? '', atMs: Date.parse(said.timestamp) });
      if (said.message !== 'Runtime Manager is up') return;
      url = said.url ?? '';
      up.resolve();
    });
  }
  let isDead = false;
  let isReleased = false;
  const died = once(child, 'exit').then(([code, signal]): NodeJS.Signals | undefined => {
    isDead = true;
    if (!isReleased) console.error(`a replica in reserve ended: ${signal ?? code}`);
    return signal ?? undefined;
  });
  const ask = async <Answer>(order: SeamOrder): Promise<Answer | undefined> => {
    const answer = once(child, 'message').then(([message]) => message as Answer);
    child.send(order, () => undefined);
    return Promise.race([answer, died.then(() => undefined)]);
  };
  return {
    claims,
    get url() {
      return url;
    },
    get isDead() {
      return isDead;
    },
    died,
    async go() {
      isReleased = true;
      child.send({ order: 'go' } satisfies SeamOrder, () => undefined); // one that is dead has died
      await Promise.race([up.promise, died]);
    },
    watch: async (dieAt) => void (await ask({ order: 'watch', ...(dieAt ? { dieAt } : {}) })),
    trace: async () => (await ask<readonly string[]>({ order: 'tell' })) ?? [],
    async kill() {
      isReleased = true;
      child.kill('SIGKILL');
      await died;
    },
  };
}
