import { type RequestHandler, Router } from 'express';
import type { DatabasePool } from 'slonik';
import type { AccessTokens } from '../lib/access-tokens.ts';
import { RuntimeError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { BASIC, BEARER, makeAuthorize } from './authorize.ts';
import { makeConsoleData } from './console-data.ts';
import { CONSOLE_DIR, serveConsoleFiles } from './console-files.ts';
import { forbidCaching } from './forbid-caching.ts';
import { makeLogBoardChanges } from './log-board-changes.ts';
import { setBoardHeaders, setPageHeaders } from './page-headers.ts';
import { refusal } from './refusal.ts';
import { refuseOtherSites, SAFE_METHODS } from './refuse-other-sites.ts';
import type { NoteRefused } from './refused-callers.ts';
import type { Routes } from './route.ts';
import { serveOperations } from './serve-operations.ts';

export const ADMIN_PATH = '/admin';
export const BOARD_PATH = `${ADMIN_PATH}/queues`;

interface AdminDeps {
  readonly db: DatabasePool;
  readonly tokens: AccessTokens | undefined;
  readonly noteRefused: NoteRefused;
  readonly log: Logger;
  /** Serves the queues, below `BOARD_PATH`. */
  readonly board: RequestHandler;
  /** The operations of the API, served to the console a second time. */
  readonly routes: Routes;
}

/** The pages for operators, behind the API's token, which browsers may give as a password. */
export function makeAdmin({ tokens, noteRefused, board, routes, db, log }: AdminDeps): Router {
  // As the application's own: a path is what it is, letter by letter.
  const router = Router({ caseSensitive: true, strict: true });
  router.use(setPageHeaders, makeAuthorize({ tokens, noteRefused }, [BASIC, BEARER]), refuseOtherSites);
  router.use('/queues', setBoardHeaders, makeLogBoardChanges(log), board);
  router.use(['/api', '/data'], forbidCaching, askForConsole);
  router.use('/data', makeConsoleData(db));
  // Browsers send their password below this path only, and with it the answer has its details.
  if (routes.internalReadyz) router.get('/data/readyz', routes.internalReadyz);
  // Whoever comes this far is let in already.
  serveOperations(router, { routes, authorize: (_request, _response, next) => next(), below: '/api/' });
  router.use('/console', serveConsoleFiles());
  router.get('/', (_request, response) =>
    response.sendFile('index.html', { root: CONSOLE_DIR, cacheControl: false }),
  );
  router.use((request, _response, next) => {
    next(new RuntimeError('not_found', `There is no ${request.originalUrl} here`));
  });
  return router;
}

/**
 * Whoever changes something here says so in a header that no form and no link can send, and that a script of another
 * site may send only after a question (CORS) that is never answered with yes.
 */
const askForConsole: RequestHandler = (request, _response, next) => {
  if (SAFE_METHODS.includes(request.method) || request.get('X-Galaxy-Caller') === 'admin') return next();
  next(refusal(400, 'header "X-Galaxy-Caller" must be admin for what changes something here'));
};
