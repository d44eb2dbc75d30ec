import { stopSignal } from './stop-signal.ts';

/** What a step of the set-up came to. */
export interface StepResult<T> {
  readonly value: T;
  /** Replaces the name of the step where more is known in the end, such as a version. */
  readonly name?: string;
  /** How it was done: `found`, `started`, `made`. */
  readonly how: string;
}

/**
 * Does one step and prints one line about it: `✓ Docker Engine 20.10.24 (started, 1.9 s)`. A run that was asked
 * to stop begins no further one.
 */
export async function step<T>(name: string, work: () => Promise<StepResult<T>>): Promise<T> {
  stopSignal().throwIfAborted();
  const startedAt = performance.now();
  const seconds = (): string => `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
  // A terminal also shows what is being waited for; a log file gets whole lines only.
  const isTerminal = process.stdout.isTTY;
  if (isTerminal) process.stdout.write(`… ${name}`);
  const finish = (line: string): void => {
    process.stdout.write(`${isTerminal ? '\r\x1b[K' : ''}${line}\n`);
  };
  try {
    const result = await work();
    finish(`✓ ${result.name ?? name} (${result.how}, ${seconds()})`);
    return result.value;
  } catch (error) {
    finish(`✗ ${name} (failed, ${seconds()})`);
    throw error;
  }
}

/** A failure that the reader can do something about; it is printed without a stack. */
export class SetUpError extends Error {
  override readonly name = 'SetUpError';
}
