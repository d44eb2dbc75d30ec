import type { IncomingHttpHeaders } from 'node:http';
import type { RequestHandler } from 'express';
import { RuntimeError } from '../lib/errors.ts';
import { BEARER } from './authorize.ts';

/** What changes nothing. */
export const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Lets a page of another site change nothing, and open nothing behind an operator's back: it could read no answer, but
 * logs and events that are followed hold places until there is none left. Browsers send a password that they know by
 * themselves, and where no token is configured they need none. A link to here is followed, in a window of its own.
 * Programs say nothing of a site and pass.
 */
export const refuseOtherSites: RequestHandler = (request, response, next) => {
  const site = request.headers['sec-fetch-site'];
  const { origin, host } = request.headers;
  const fromHere =
    (site === undefined || site === 'same-origin' || site === 'none') &&
    (origin === undefined || isSameHost(origin, host));
  const isLet = SAFE_METHODS.includes(request.method) ? !isEmbedded(request.headers) : fromHere;
  if (isLet) return next();
  response.setHeader('WWW-Authenticate', BEARER.challenge);
  next(
    new RuntimeError(
      'unauthorized',
      'The page of another site asks for this; accepted are programs and the pages of this service',
    ),
  );
};

/**
 * Whether a page of another site asks for something for itself, such as a picture, a frame or a stream, and does not
 * lead somebody here.
 */
function isEmbedded(headers: IncomingHttpHeaders): boolean {
  const { 'sec-fetch-site': site, 'sec-fetch-mode': mode, 'sec-fetch-dest': dest = 'document' } = headers;
  return (site === 'cross-site' || site === 'same-site') && (mode !== 'navigate' || dest !== 'document');
}

/** As browsers compare them: in any case, and with the port of the scheme named or not. */
function isSameHost(origin: string, host = ''): boolean {
  if (!URL.canParse(origin)) return false;
  const from = new URL(origin);
  const here = `${from.protocol}//${host}`;
  return from.host !== '' && URL.canParse(here) && new URL(here).host === from.host;
}
