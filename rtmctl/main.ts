import { constants } from 'node:os';
import { runRtmctl } from './run.ts';

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const interruption = new AbortController();
let interruptedBy: NodeJS.Signals | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // Whoever asks twice does not want to wait for words.
    if (interruptedBy) process.exit(128 + constants.signals[signal]);
    interruptedBy = signal;
    interruption.abort();
  });
}

const code = await runRtmctl(process.argv.slice(2), {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  interrupted: interruption.signal,
});
process.exitCode = interruptedBy ? 128 + constants.signals[interruptedBy] : code;
