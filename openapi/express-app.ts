import express, { type Express, type RequestHandler } from 'express';
import { listOperations, makeHeaderValidator, type Operation } from '../lib/contracts.ts';
import { RuntimeError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { makeAnswerError } from './answer-error.ts';
import { makeAuthorize } from './authorize.ts';
import { makeRoutes, type RouteDeps } from './routes.ts';

interface AppDeps extends RouteDeps {
  readonly token: string | undefined;
  readonly log: Logger;
}

/** Serves the operations of the contract under the paths and methods that the contract gives them. */
export function makeExpressApp(deps: AppDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  const authorize = makeAuthorize(deps.token);
  const routes = makeRoutes(deps);
  const served = listOperations().filter((operation) => operation.operationId in routes);

  for (const operation of served) {
    const route = routes[operation.operationId];
    if (!route) continue;
    const guards = operation.secured ? [authorize, checkHeaders(operation)] : [];
    app[operation.method as 'get'](expressPath(operation), ...guards, route);
  }
  for (const path of new Set(served.map(expressPath))) {
    const here = served.filter((operation) => expressPath(operation) === path);
    const guards = here.some((operation) => operation.secured) ? [authorize] : [];
    app.all(path, ...guards, refuseMethod(here.map((operation) => operation.method)));
  }
  // Behind the token too, as above: who may not ask learns nothing about what is there.
  app.use(authorize, (request, _response, next) => {
    next(new RuntimeError('not_found', `There is no ${request.path} here`));
  });
  app.use(makeAnswerError(deps.log));
  return app;
}

const expressPath = (operation: Operation): string => operation.path.replaceAll(/\{(\w+)\}/g, ':$1');

function checkHeaders(operation: Operation): RequestHandler {
  const parse = makeHeaderValidator(operation.operationId);
  return (request, _response, next) => {
    const headers = parse(request.headers);
    next(headers.ok ? undefined : new RuntimeError('invalid_request', headers.message));
  };
}

function refuseMethod(methods: readonly string[]): RequestHandler {
  const allow = [...methods, ...(methods.includes('get') ? ['head'] : [])]
    .map((name) => name.toUpperCase())
    .join(', ');
  return (request, response, next) => {
    response.setHeader('Allow', allow);
    const error = new RuntimeError(
      'invalid_request',
      `${request.method} is not possible here; allowed: ${allow}`,
    );
    next(Object.assign(error, { status: 405 }));
  };
}
