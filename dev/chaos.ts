// npm run chaos: the set-up of the tests, then every scenario of test/chaos/scenarios, whose figures go to
// docs/reliability.md. With names, only those run. PostgreSQL and Redis are processes of this run: one of the scenarios
// restarts the Docker Engine, and would take containers of them away from all.
import { rm } from 'node:fs/promises';
import { NODE_BASE } from './images/base-images.ts';
import { missingServices } from './machine/services.mjs';
import { runScript } from './run-script.ts';
import { providePostgres } from './services/provide-postgres.ts';
import { provideRedis } from './services/provide-redis.ts';
import { makeRunDirectory } from './services/run-directory.ts';
import { shortId } from './session.ts';
import { setUp } from './set-up.ts';
import { SetUpError } from './steps.ts';
import { Stopped } from './stop-signal.ts';

try {
  await using stack = new AsyncDisposableStack();
  await setUp({ images: [NODE_BASE], missing: missingServices() });
  const dir = await makeRunDirectory(`chaos-${shortId()}`);
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const redis = stack.adopt(await provideRedis(dir, { mustBeEmpty: true }), (one) => one.release());
  const postgres = stack.adopt(await providePostgres(dir, { ownDatabase: true }), (one) => one.release());
  process.env.TEST_REDIS_ADDR = redis.addr;
  process.env.TEST_POSTGRES_DSN = postgres.dsn;
  process.exitCode = await runScript('test/chaos/run.ts', process.argv.slice(2));
} catch (error) {
  process.exitCode = 1;
  console.error(error instanceof SetUpError || error instanceof Stopped ? error.message : error);
}
