import express, { type Express, type Request, type RequestHandler } from 'express';
import type { AccessTokens } from '../lib/access-tokens.ts';
import { RuntimeError } from '../lib/errors.ts';
import type { Metrics } from '../lib/telemetry/metrics.ts';
import { ADMIN_PATH, makeAdmin } from './admin.ts';
import { makeAnswerError } from './answer-error.ts';
import { BASIC, BEARER, isAuthorized, makeAuthorize } from './authorize.ts';
import { forbidCaching } from './forbid-caching.ts';
import { makeAcceptedHosts, makeRefuseOtherHosts, refuseAmbiguousHost } from './refuse-other-hosts.ts';
import { refuseOtherSites } from './refuse-other-sites.ts';
import { makeNoteRefused } from './refused-callers.ts';
import { makeRoutes, type RouteDeps } from './routes.ts';
import { METRICS_PATH, serveOperations } from './serve-operations.ts';

interface AppDeps extends Omit<RouteDeps, 'mayReadDetails'> {
  /** Undefined where no token is configured. */
  readonly tokens: AccessTokens | undefined;
  /** The configured address of the listener; undefined for every interface. */
  readonly listenHost: string | undefined;
  /** Accepted names of this service where no token is configured; undefined for those of the machine. */
  readonly hosts: readonly string[] | undefined;
  readonly metrics: Pick<Metrics, 'count'>;
  /** Serves the queues to operators. */
  readonly board: RequestHandler;
}

/** Serves the operations of the contract, and the pages for operators. */
export function makeExpressApp(deps: AppDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  // A path is what the contract says, letter by letter.
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.use(refuseAmbiguousHost);
  const accepted = makeAcceptedHosts(deps);
  const noteRefused = makeNoteRefused(deps);
  const authorize = makeAuthorize({ tokens: deps.tokens, noteRefused });
  app.use(['/api', METRICS_PATH], forbidCaching);
  app.use(['/api', METRICS_PATH, ADMIN_PATH], makeRefuseOtherHosts(accepted));
  // Before any path is taken apart, which fails for some.
  app.use('/api', authorize, refuseOtherSites);
  const mayReadDetails = (request: Request): boolean =>
    deps.tokens === undefined
      ? accepted.includes(request)
      : isAuthorized(request, deps.tokens, [BASIC, BEARER]);
  const routes = makeRoutes({ ...deps, mayReadDetails });
  serveOperations(app, { routes, authorize });
  app.use(ADMIN_PATH, makeAdmin({ ...deps, routes, noteRefused }));
  // Behind the token too, as above: who may not ask learns nothing about what is there.
  app.use(authorize, (request, _response, next) => {
    next(new RuntimeError('not_found', `There is no ${request.path} here`));
  });
  app.use(makeAnswerError(deps.log));
  return app;
}
