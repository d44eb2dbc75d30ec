import { createHash, timingSafeEqual } from 'node:crypto';
import type { RequestHandler } from 'express';
import { RuntimeError } from '../lib/errors.ts';

/** How the token comes: by itself, or as the password of any user, which is what browsers can ask for. */
interface Scheme {
  readonly challenge: string;
  /** What an Authorization header gives as the token; undefined when it is of another scheme. */
  readonly read: (header: string) => string | undefined;
}

export const BEARER: Scheme = {
  challenge: 'Bearer',
  read: (header) => /^Bearer +(\S+)$/i.exec(header)?.[1],
};

export const BASIC: Scheme = {
  challenge: 'Basic realm="Runtime Manager", charset="UTF-8"',
  read: (header) => {
    const [, credentials] = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header) ?? [];
    if (credentials === undefined) return undefined;
    const [, password] = /^[^:]*:(.*)$/s.exec(Buffer.from(credentials, 'base64').toString()) ?? [];
    return password;
  },
};

/** Lets a request pass only with the token, given in one of `schemes`; everybody passes where none is configured. */
export function makeAuthorize(
  token: string | undefined,
  schemes: readonly Scheme[] = [BEARER],
): RequestHandler {
  if (token === undefined) return (_request, _response, next) => next();
  const expected = digest(token);
  const challenges = schemes.map((scheme) => scheme.challenge);
  return (request, response, next) => {
    const [header = '', ...others] = request.headersDistinct.authorization ?? [];
    // Of two headers another server on the way may have looked at the other one.
    const readers = others.length === 0 ? schemes : [];
    const given = readers.map((scheme) => scheme.read(header)).find((one) => one !== undefined);
    // Digests are of one length, so the comparison takes the same time whatever was given.
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return next();
    response.setHeader('WWW-Authenticate', challenges);
    next(new RuntimeError('unauthorized', 'The token is missing or wrong'));
  };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
