import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { startApp } from './app.ts';
import { type Config, ConfigError, parseConfig } from './lib/config.ts';
import { makeLogger } from './lib/logger.ts';

const config = readConfig();
const replica = `${hostname()}-${randomBytes(3).toString('hex')}`;
const log = makeLogger({ level: config.log.level, replica });

// Nothing ever throws here on purpose. What does is unknown, so the state is too: told, and a clean restart.
process.on('uncaughtException', (error, origin) => {
  log.error('unexpected failure, the process ends', { error, origin });
  process.exit(1);
});

let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => void stop(signal));
}

const starting = startApp(config, log);
starting.catch((error: unknown) => {
  log.error('Runtime Manager could not start', { error });
  process.exit(1);
});

/** The first signal stops in order, also while the start is still under way; a second one does not wait. */
async function stop(signal: string): Promise<void> {
  if (stopping) process.exit(1);
  stopping = true;
  log.info('stopping', { signal });
  try {
    const app = await starting;
    await app.close();
    log.info('stopped');
    process.exit(0);
  } catch (error) {
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
