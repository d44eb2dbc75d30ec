import type { DatabasePool } from 'slonik';
import type { Config } from '../../lib/config.ts';
import { makeExpressApp } from '../../openapi/express-app.ts';
import { openListener } from '../../openapi/listener.ts';
import type { ReadinessChecks } from '../../openapi/readiness.ts';
import { assertContract } from './assert-contract.ts';
import { exchange, type HttpExchange } from './http-exchange.ts';
import { type MemoryLogger, makeMemoryLogger } from './memory-logger.ts';

/** The REST side of one replica, on a port of its own. */
export interface RestService {
  readonly url: string;
  readonly log: MemoryLogger;
  /** Asks, and fails when the answer is not one that the contract promises. */
  ask(path: string, options?: Parameters<typeof exchange>[2]): Promise<HttpExchange>;
  /** Asks for a runtime path below the base path. */
  runtimes(below?: string, options?: Parameters<typeof exchange>[2]): Promise<HttpExchange>;
  close(graceMs?: number): Promise<void>;
}

interface RestOptions {
  readonly db: DatabasePool;
  readonly token?: string;
  readonly readiness?: Partial<ReadinessChecks>;
  readonly http?: Partial<Config['http']>;
}

const ok = () => Promise.resolve();

export async function makeRestService({ db, token, readiness, http }: RestOptions): Promise<RestService> {
  const log = makeMemoryLogger();
  const app = makeExpressApp({
    db,
    log,
    token,
    readiness: { postgres: ok, redis: ok, docker: ok, network: ok, ...readiness },
  });
  const listener = await openListener(makeHttpConfig(http), app);
  const ask: RestService['ask'] = async (path, options) => {
    const answer = await exchange(listener.url, path, options);
    assertContract(answer);
    return answer;
  };
  return {
    url: listener.url,
    log,
    ask,
    runtimes: (below = '', options) => ask(`/api/v1/internal/runtimes${below}`, options),
    close: (graceMs = 1_000) => listener.close(graceMs),
  };
}

/** The part of the configuration that a listener needs: plain HTTP on a free port, except for what is given. */
export const makeHttpConfig = (given: Partial<Config['http']> = {}): Config['http'] => ({
  listen: { host: '127.0.0.1', port: 0 },
  token: undefined,
  trustedNetwork: false,
  tlsCertFile: undefined,
  tlsKeyFile: undefined,
  tlsClientCaFile: undefined,
  ...given,
});
