import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { startApp } from './app.ts';
import { type Config, ConfigError, parseConfig } from './lib/config.ts';
import { ShutdownError } from './lib/lease.ts';
import { makeLogger } from './lib/logger.ts';

/** What may follow the end of the last operation: bookkeeping, answers, connections. */
const SHUTDOWN_MARGIN_MS = 10_000;

const config = readConfig();
const replica = `${hostname()}-${randomBytes(3).toString('hex')}`;
const log = makeLogger({ level: config.log.level, replica });

// Nothing ever throws here on purpose. What does is unknown, so the state is too: told, and a clean restart.
process.on('uncaughtException', (error, origin) => {
  log.error('unexpected failure, the process ends', { error, origin });
  process.exit(1);
});

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => void stop(signal));
}

const starting = startApp(config, log, stopping.signal);
starting.catch((error: unknown) => {
  if (error instanceof ShutdownError) return;
  log.error('Runtime Manager could not start', { error });
  process.exit(1);
});

/** The first signal stops in order, also while the start is still under way; a second one does not wait. */
async function stop(signal: string): Promise<void> {
  if (stopping.signal.aborted) process.exit(1);
  log.info('stopping', { signal });
  stopping.abort(new ShutdownError());
  // Whatever does not answer any more is not waited for: leases run out, and other replicas go on.
  setTimeout(() => {
    log.error('stopped without waiting for what does not answer', {
      still_open: process.getActiveResourcesInfo(),
    });
    process.exit(0);
  }, config.shutdown.timeoutMs + SHUTDOWN_MARGIN_MS).unref();
  try {
    const app = await starting;
    await app.close();
    log.info('stopped');
    process.exit(0);
  } catch (error) {
    if (error instanceof ShutdownError) {
      log.info('stopped before it was up');
      process.exit(0);
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
