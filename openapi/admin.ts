import { type RequestHandler, Router } from 'express';
import { RuntimeError } from '../lib/errors.ts';
import { BASIC, BEARER, makeAuthorize } from './authorize.ts';
import { refuseOtherSites } from './refuse-other-sites.ts';

export const ADMIN_PATH = '/admin';
export const BOARD_PATH = `${ADMIN_PATH}/queues`;

interface AdminDeps {
  readonly token: string | undefined;
  /** Serves the queues, below `BOARD_PATH`. */
  readonly board: RequestHandler;
}

/** The pages for operators, behind the API's token, which browsers may give as a password. */
export function makeAdmin({ token, board }: AdminDeps): Router {
  const router = Router();
  router.use(setPageHeaders, makeAuthorize(token, [BASIC, BEARER]), refuseOtherSites);
  router.use('/queues', board);
  router.use((request, _response, next) => {
    next(new RuntimeError('not_found', `There is no ${request.originalUrl} here`));
  });
  return router;
}

/**
 * Styles in the markup are the pages' own. They also link fonts of fonts.googleapis.com, which stay out: the browser's
 * own fonts do, and nobody outside learns who looks.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const setPageHeaders: RequestHandler = (_request, response, next) => {
  response.setHeader('Content-Security-Policy', CONTENT_SECURITY_POLICY);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('X-Frame-Options', 'DENY');
  response.setHeader('Referrer-Policy', 'same-origin');
  response.setHeader('Cache-Control', 'private, no-cache');
  next();
};
