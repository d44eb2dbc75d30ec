import type { IRouter, RequestHandler } from 'express';
import { listOperations, makeHeaderValidator, makeQueryValidator, type Operation } from '../lib/contracts.ts';
import { RuntimeError } from '../lib/errors.ts';
import { refusal } from './refusal.ts';
import type { Routes } from './route.ts';

/** Outside of `/api`, for that is where scrapers look; behind the same protection. */
export const METRICS_PATH = '/metrics';

/** Which operations are served, and to whom. */
interface Served {
  readonly routes: Routes;
  /** Lets pass who may use the operations that ask for the token. */
  readonly authorize: RequestHandler;
  /** Only those whose path begins so; all of them by default. */
  readonly below?: string;
}

/** Serves the operations of the contract that have a route, under the paths and methods that the contract gives them. */
export function serveOperations(router: IRouter, { routes, authorize, below = '/' }: Served): void {
  const served = listOperations().filter(
    ({ operationId, path }) => operationId in routes && path.startsWith(below),
  );
  for (const operation of served) {
    const route = routes[operation.operationId];
    if (!route) continue;
    const guards = operation.secured ? [authorize, checkHeaders(operation), refuseQuery(operation)] : [];
    router[operation.method as 'get'](expressPath(operation), ...guards, route);
  }
  for (const path of new Set(served.map(expressPath))) {
    const here = served.filter((operation) => expressPath(operation) === path);
    const guards = here.some((operation) => operation.secured) ? [authorize] : [];
    router.all(path, ...guards, refuseMethod(here.map((operation) => operation.method)));
  }
}

const expressPath = (operation: Operation): string => operation.path.replaceAll(/\{(\w+)\}/g, ':$1');

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
