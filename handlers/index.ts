import { startRuntime } from './start-runtime.ts';
import { stopRuntime } from './stop-runtime.ts';
import type { Handlers } from './types.ts';

/** Every kind of operation that this version runs. */
export const handlers: Handlers = { start: startRuntime, stop: stopRuntime };
