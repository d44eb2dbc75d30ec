import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type Docker from 'dockerode';
import { NODE_BASE } from './images/base-images.ts';
import { missingServices } from './machine/services.mjs';
import { createNetwork, removeNetwork } from './networks.ts';
import { startLobbyStub } from './services/lobby-stub.ts';
import { fetchPostgres } from './services/postgres-package.ts';
import { providePostgres } from './services/provide-postgres.ts';
import type { ConnectOptions } from './services/provide-redis.ts';
import { provideRedis } from './services/provide-redis.ts';
import { makeRunDirectory } from './services/run-directory.ts';
import { shortId } from './session.ts';
import { setUp } from './set-up.ts';
import { step } from './steps.ts';

/** Everything that Runtime Manager needs around it. Disposing of it removes it, and nothing else. */
export interface Stack extends AsyncDisposable {
  readonly docker: Docker;
  readonly network: string;
  readonly redis: ConnectOptions;
  readonly redisAddr: string;
  readonly dsn: string;
  readonly stateRoot: string;
  readonly lobbyUrl: string;
  /** Logs and data of this run. */
  readonly dir: string;
}

/** Sets it all up. A throw-away stack touches nothing in services that were given, either. */
export async function makeStack(kind: 'demo' | 'dev'): Promise<Stack> {
  const throwAway = kind === 'demo';
  // Whoever needs it waits for it, and hears of a failure there.
  if (!process.env.RTMANAGER_POSTGRES_PRIMARY_DSN) fetchPostgres().catch(() => undefined);
  const docker = await setUp({ images: [NODE_BASE], missing: missingServices() });
  const network = `rtm-${kind}-${shortId()}`;

  // Undone in reverse, also when a later step fails.
  await using undo = new AsyncDisposableStack();
  const dir = await makeRunDirectory(network);
  undo.defer(() => rm(dir, { recursive: true, force: true }));
  const stateRoot = path.join(dir, 'state');
  await mkdir(stateRoot);

  const redis = undo.adopt(await provideRedis(dir, { mustBeEmpty: throwAway }), (it) => it.release());
  const postgres = undo.adopt(await providePostgres(dir, { ownDatabase: throwAway }), (it) => it.release());
  const lobby = undo.adopt(await startLobbyStub(), (it) => it.stop());
  await step(`Docker network ${network}`, async () => ({
    value: await createNetwork(docker, network),
    how: 'made',
  }));
  undo.defer(async () => void (await removeNetwork(docker, network)));

  const closing = undo.move();
  return {
    ...{ docker, network, stateRoot, dir },
    redis: redis.options,
    redisAddr: redis.addr,
    dsn: postgres.dsn,
    lobbyUrl: lobby.url,
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}
