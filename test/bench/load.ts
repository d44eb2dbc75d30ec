import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Requests over keep-alive connections, each of which sends its next one as soon as it has an answer. */
export interface Load {
  readonly url: string;
  readonly token?: string;
  /** Asked for in turn, round and round. */
  readonly paths: readonly string[];
  readonly connections: number;
  /** When it ends: after some seconds, or when `until` aborts. */
  readonly seconds?: number;
  readonly until?: AbortSignal;
}

/** What is said to the process that asks. */
export type LoadOrder = Omit<Load, 'until'> | 'stop';

export interface LoadFigures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly answers: number;
  /** Requests without an answer of 2xx. */
  readonly refused: number;
}

/** A process that puts load on a replica, so that what it costs is not taken from the one that looks at the clock. */
export interface Loader {
  /** One load at a time. Rejects when a single request was refused: its time would say nothing. */
  run(load: Load): Promise<LoadFigures>;
  close(): Promise<void>;
}

export function startLoader(): Loader {
  const child = fork(fileURLToPath(new URL('./load-process.ts', import.meta.url)));
  const exited = once(child, 'exit');
  const died = exited.then(([code]) => {
    throw new Error(`the load process ended with ${code}`);
  });
  died.catch(() => undefined);
  return {
    async run({ until, ...load }) {
      const answer = once(child, 'message');
      child.send(load satisfies LoadOrder);
      until?.addEventListener('abort', () => child.send('stop' satisfies LoadOrder));
      const [figures] = (await Promise.race([answer, died])) as [LoadFigures];
      if (figures.refused > 0)
        throw new Error(`${figures.refused} requests of ${load.paths[0]} … were refused`);
      return figures;
    },
    async close() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
