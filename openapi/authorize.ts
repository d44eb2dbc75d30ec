import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import { RuntimeError } from '../lib/errors.ts';

/** Lets a request pass only with the bearer token; everybody passes where none is configured. */
export function makeAuthorize(token: string | undefined): RequestHandler {
  if (token === undefined) return (_request, _response, next) => next();
  const expected = digest(token);
  return (request, response, next) => {
    const [, given] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    // Digests are of one length, so the comparison takes the same time whatever was given.
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return next();
    response.setHeader('WWW-Authenticate', 'Bearer');
    next(new RuntimeError('unauthorized', 'The bearer token is missing or wrong'));
  };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
