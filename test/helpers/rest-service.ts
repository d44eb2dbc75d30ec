import type { RequestHandler } from 'express';
import type { DatabasePool } from 'slonik';
import { makeTokens } from '../../lib/access-tokens.ts';
import type { Config } from '../../lib/config.ts';
import { RuntimeError } from '../../lib/errors.ts';
import type { ExplainConfig } from '../../lib/explain/facts.ts';
import { type Metrics, NO_METRICS } from '../../lib/telemetry/metrics.ts';
import { NO_TRACING, type Tracing } from '../../lib/telemetry/tracing.ts';
import type { DeadLetterDeps } from '../../openapi/dead-letters.ts';
import { makeExpressApp } from '../../openapi/express-app.ts';
import { openListener } from '../../openapi/listener.ts';
import { makeOpenStreams } from '../../openapi/open-streams.ts';
import { makeOutcomeWatch, type OutcomeWatch } from '../../openapi/outcome-watch.ts';
import type { ReadinessChecks } from '../../openapi/readiness.ts';
import type { PlanReconciliation } from '../../openapi/reconcile-plan.ts';
import type { RouteDeps } from '../../openapi/routes.ts';
import { makeEventFeed } from '../../queues/event-feed.ts';
import type { WaitingGame } from '../../sql/operation-log.ts';
import { assertContract } from './assert-contract.ts';
import { exchange, type HttpExchange } from './http-exchange.ts';
import { type MemoryLogger, makeMemoryLogger } from './memory-logger.ts';
import { makeTestConfig } from './test-config.ts';

/** The REST side of one replica, on a port of its own. */
export interface RestService {
  readonly url: string;
  readonly log: MemoryLogger;
  readonly outcomes: OutcomeWatch;
  /** Asks, and fails when the answer is not one that the contract promises. */
  ask(path: string, options?: Parameters<typeof exchange>[2]): Promise<HttpExchange>;
  /** Asks for a runtime path below the base path. */
  runtimes(below?: string, options?: Parameters<typeof exchange>[2]): Promise<HttpExchange>;
  close(graceMs?: number): Promise<void>;
}

interface RestOptions {
  readonly db: DatabasePool;
  /** One token, or two separated by a comma. */
  readonly token?: string;
  readonly board?: RequestHandler;
  readonly metrics?: Pick<Metrics, 'count'>;
  readonly readiness?: Partial<ReadinessChecks>;
  readonly http?: Partial<Config['http']>;
  /** How long a mutation waits for its operation, which nobody runs unless the test does. */
  readonly waitMs?: number;
  readonly planReconciliation?: PlanReconciliation;
  readonly docker?: RouteDeps['docker'];
  readonly config?: ExplainConfig;
  readonly tracing?: Tracing;
  readonly scrape?: () => Promise<string>;
  readonly deadLetters?: DeadLetterDeps['deadLetters'];
  readonly wake?: (games: readonly WaitingGame[]) => Promise<void>;
}

const done = () => Promise.resolve();
const ok = () => Promise.resolve([]);
const away = () => Promise.reject(new RuntimeError('docker_unavailable', 'There is no Docker here'));
const noDocker: RouteDeps['docker'] = {
  listGame: away,
  inspect: away,
  readLogTail: away,
  hasNetwork: away,
  findImage: away,
  daemon: away,
  openLog: away,
  readStats: away,
};
const neverAsked = () => Promise.reject(new Error('nothing of the kind was to be asked for'));

export async function makeRestService(options: RestOptions): Promise<RestService> {
  const { db, token, readiness, http, waitMs = 10_000, wake = done } = options;
  const board: RequestHandler = options.board ?? ((_request, _response, next) => next());
  const log = makeMemoryLogger();
  const outcomes = makeOutcomeWatch({ db, log });
  const streams = makeOpenStreams();
  const httpConfig = makeHttpConfig(http);
  const app = makeExpressApp({
    listenHost: httpConfig.listen.host,
    db,
    log,
    tokens: token === undefined ? undefined : makeTokens(token.split(',')),
    hosts: httpConfig.hosts,
    metrics: options.metrics ?? NO_METRICS,
    wake,
    outcomes,
    waitMs,
    board,
    docker: options.docker ?? noDocker,
    config: options.config ?? makeTestConfig(),
    feed: makeEventFeed({ db, log }),
    streams,
    planReconciliation: options.planReconciliation ?? neverAsked,
    tracing: options.tracing ?? NO_TRACING,
    scrape: options.scrape ?? (() => Promise.resolve('')),
    deadLetters: options.deadLetters ?? { list: neverAsked, revive: neverAsked },
    readiness: { postgres: ok, redis: ok, docker: ok, network: ok, state_root: ok, ...readiness },
  });
  const listener = await openListener(httpConfig, app);
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
    outcomes,
    close: (graceMs = 1_000) => {
      outcomes.close();
      streams.close();
      return listener.close(graceMs);
    },
  };
}

/** The part of the configuration that a listener needs: plain HTTP on a free port, except for what is given. */
export const makeHttpConfig = (given: Partial<Config['http']> = {}): Config['http'] => ({
  listen: { host: '127.0.0.1', port: 0 },
  tokens: undefined,
  tokenFile: undefined,
  allowWeakToken: false,
  hosts: undefined,
  trustedNetwork: false,
  tlsCertFile: undefined,
  tlsKeyFile: undefined,
  tlsClientCaFile: undefined,
  ...given,
});
