import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { DaemonReport } from './daemon-process.ts';
import type { DaemonView, Pace } from './paced-daemon.ts';

/** A paced daemon in another process. */
export interface DaemonBeside extends AsyncDisposable {
  /** As RTMANAGER_DOCKER_HOST takes it. */
  readonly host: string;
  look(): Promise<DaemonView>;
}

export async function startDaemonBeside(pace: Pace): Promise<DaemonBeside> {
  const child = fork(fileURLToPath(new URL('./daemon-process.ts', import.meta.url)), [JSON.stringify(pace)]);
  const hear = async (): Promise<DaemonReport> => (await once(child, 'message'))[0];
  const { host } = await hear();
  return {
    host,
    look: () => {
      const heard = hear();
      child.send('look');
      return heard;
    },
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}
