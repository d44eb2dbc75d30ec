import type { RequestHandler } from 'express';
import { RuntimeError } from '../lib/errors.ts';
import { BEARER } from './authorize.ts';

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Lets a page of another site change nothing: browsers send a password that they know by themselves, and where no token
 * is configured they need none. Programs say nothing of a site and pass.
 */
export const refuseOtherSites: RequestHandler = (request, response, next) => {
  const site = request.headers['sec-fetch-site'];
  const { origin, host } = request.headers;
  const fromHere =
    (site === undefined || site === 'same-origin' || site === 'none') &&
    (origin === undefined || isSameHost(origin, host));
  if (SAFE_METHODS.includes(request.method) || fromHere) return next();
  response.setHeader('WWW-Authenticate', BEARER.challenge);
  next(
    new RuntimeError(
      'unauthorized',
      'The page of another site asks for this; accepted are programs and the pages of this service',
    ),
  );
};

/** As browsers compare them: in any case, and with the port of the scheme named or not. */
function isSameHost(origin: string, host = ''): boolean {
  if (!URL.canParse(origin)) return false;
  const from = new URL(origin);
  const here = `${from.protocol}//${host}`;
  return from.host !== '' && URL.canParse(here) && new URL(here).host === from.host;
}
