import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { startApp } from './app.ts';
import { type Config, ConfigError, parseConfig } from './lib/config.ts';
import { consoleToLog, nodeWarningsToLog } from './lib/console-to-log.ts';
import { ShutdownError } from './lib/lease.ts';
import { makeLogger } from './lib/logger.ts';

/** What may follow the end of the last operation: bookkeeping, answers, connections. */
const SHUTDOWN_MARGIN_MS = 10_000;
/** Operations get no longer to end after an unexpected failure: what is not known to work should not go on for long. */
const CRASH_TIMEOUT_MS = 5_000;
/** One that comes again and again, such as of a log that nobody reads, must not keep itself going by being told. */
const FAILURES_TOLD = 100;

const config = readConfig();
const replica = `${hostname()}-${randomBytes(3).toString('hex')}`;
const log = makeLogger({ level: config.log.level, replica });
consoleToLog(log);
nodeWarningsToLog(log);

const { timeoutMs } = config.shutdown;
const stopping = new AbortController();

// Nothing ever throws here on purpose, and no promise is left alone with its failure. What does it all the same is
// unknown, so the state is too: told, and a clean restart by whoever runs this process.
let unexpectedFailures = 0;
process.on('uncaughtException', (error, origin) => {
  unexpectedFailures += 1;
  process.exitCode = 1;
  if (unexpectedFailures <= FAILURES_TOLD) {
    log.error('unexpected failure, the process ends', { error, origin, count: unexpectedFailures });
  }
  if (!stopping.signal.aborted) void end(Math.min(timeoutMs, CRASH_TIMEOUT_MS));
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => void stop(signal));
}

const starting = startApp(config, log, stopping.signal, replica);
starting.catch((error: unknown) => {
  if (error instanceof ShutdownError) return;
  log.error('Runtime Manager could not start', { error });
  process.exit(1);
});

/** The first signal stops in order, also while the start is still under way; a second one does not wait. */
async function stop(signal: string): Promise<void> {
  if (stopping.signal.aborted) process.exit(1);
  log.info('stopping', { signal });
  await end(timeoutMs);
}

/** Closes in order, gives operations so long to end, and exits with the code that was set before. */
async function end(operationsMs: number): Promise<void> {
  stopping.abort(new ShutdownError());
  let closing = (): readonly string[] => ['start'];
  // Whatever does not answer any more is not waited for: leases run out, and other replicas go on.
  setTimeout(() => {
    log.error('stopped without waiting for what does not answer', {
      closing: closing(),
      still_open: process.getActiveResourcesInfo(),
    });
    process.exit();
  }, operationsMs + SHUTDOWN_MARGIN_MS).unref();
  try {
    const app = await starting;
    closing = app.closing;
    await app.close(operationsMs);
    log.info('stopped');
    process.exit();
  } catch (error) {
    if (error instanceof ShutdownError) {
      log.info('stopped before it was up');
      process.exit();
    }
    log.error('stopped with a failure', { error });
    process.exit(1);
  }
}

function readConfig(): Config {
  try {
    return parseConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}
