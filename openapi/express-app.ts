import express, { type Express, type RequestHandler } from 'express';
import { listOperations, makeHeaderValidator, makeQueryValidator, type Operation } from '../lib/contracts.ts';
import { RuntimeError } from '../lib/errors.ts';
import { ADMIN_PATH, makeAdmin } from './admin.ts';
import { makeAnswerError } from './answer-error.ts';
import { makeAuthorize } from './authorize.ts';
import { refusal } from './refusal.ts';
import { makeRefuseOtherHosts } from './refuse-other-hosts.ts';
import { refuseOtherSites } from './refuse-other-sites.ts';
import { makeRoutes, type RouteDeps } from './routes.ts';

interface AppDeps extends RouteDeps {
  readonly token: string | undefined;
  /** The configured address of the listener; undefined for every interface. */
  readonly listenHost: string | undefined;
  /** Serves the queues to operators. */
  readonly board: RequestHandler;
}

/** Outside of `/api`, for that is where scrapers look; behind the same protection. */
const METRICS_PATH = '/metrics';

/** Serves the operations of the contract under the paths and methods that the contract gives them. */
export function makeExpressApp(deps: AppDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  // A path is what the contract says, letter by letter.
  app.enable('case sensitive routing');
  app.enable('strict routing');
  const authorize = makeAuthorize(deps.token);
  app.use(['/api', METRICS_PATH], forbidCaching);
  app.use(['/api', METRICS_PATH, ADMIN_PATH], makeRefuseOtherHosts(deps));
  // Before any path is taken apart, which fails for some.
  app.use('/api', authorize, refuseOtherSites);
  const routes = makeRoutes(deps);
  const served = listOperations().filter((operation) => operation.operationId in routes);

  for (const operation of served) {
    const route = routes[operation.operationId];
    if (!route) continue;
    const guards = operation.secured ? [authorize, checkHeaders(operation), refuseQuery(operation)] : [];
    app[operation.method as 'get'](expressPath(operation), ...guards, route);
  }
  for (const path of new Set(served.map(expressPath))) {
    const here = served.filter((operation) => expressPath(operation) === path);
    const guards = here.some((operation) => operation.secured) ? [authorize] : [];
    app.all(path, ...guards, refuseMethod(here.map((operation) => operation.method)));
  }
  app.use(ADMIN_PATH, makeAdmin(deps));
  // Behind the token too, as above: who may not ask learns nothing about what is there.
  app.use(authorize, (request, _response, next) => {
    next(new RuntimeError('not_found', `There is no ${request.path} here`));
  });
  app.use(makeAnswerError(deps.log));
  return app;
}

const expressPath = (operation: Operation): string => operation.path.replaceAll(/\{(\w+)\}/g, ':$1');

const forbidCaching: RequestHandler = (_request, response, next) => {
  response.setHeader('Cache-Control', 'no-store');
  next();
};

function checkHeaders(operation: Operation): RequestHandler {
  const parse = makeHeaderValidator(operation.operationId);
  return (request, _response, next) => {
    const headers = parse(request.headers);
    next(headers.ok ? undefined : new RuntimeError('invalid_request', headers.message));
  };
}

/**
 * Of an operation that has query parameters its route parses them, and refuses the others. A scraper may add whatever it
 * was told to.
 */
function refuseQuery({ operationId, parameters, path }: Operation): RequestHandler {
  const isAnyAccepted = path === METRICS_PATH || parameters.some((parameter) => parameter.in === 'query');
  if (isAnyAccepted) return (_request, _response, next) => next();
  const parse = makeQueryValidator(operationId);
  return (request, _response, next) => {
    const query = parse(request.query);
    next(query.ok ? undefined : new RuntimeError('invalid_request', query.message));
  };
}

function refuseMethod(methods: readonly string[]): RequestHandler {
  const allow = [...methods, ...(methods.includes('get') ? ['head'] : [])]
    .map((name) => name.toUpperCase())
    .join(', ');
  return (request, response, next) => {
    response.setHeader('Allow', allow);
    next(refusal(405, `${request.method} is not possible here; allowed: ${allow}`));
  };
}
