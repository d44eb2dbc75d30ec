import { startApp } from '../../app.ts';
import { parseConfig } from '../../lib/config.ts';
import { type MemoryLogger, makeMemoryLogger } from './memory-logger.ts';
import type { RtmVariables, TestWorld } from './rtm-env.ts';

/** A Runtime Manager in this very process. */
export interface Rtm extends AsyncDisposable {
  readonly url: string;
  readonly log: MemoryLogger;
  /** Stops it as SIGTERM does; a second call does nothing. */
  close(): Promise<void>;
}

/** Starts one replica in a world. Several with other variables may follow each other in one world. */
export async function startRtm(world: TestWorld, overrides: RtmVariables = {}): Promise<Rtm> {
  const log = makeMemoryLogger();
  const app = await startApp(parseConfig(world.variables(overrides)), log);
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= app.close();
    return closed;
  };
  return { url: app.url, log, close, [Symbol.asyncDispose]: close };
}
