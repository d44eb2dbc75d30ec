import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
import type { AccessTokens } from '../lib/access-tokens.ts';
import { RuntimeError } from '../lib/errors.ts';
import type { NoteRefused } from './refused-callers.ts';

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

interface AuthorizeOptions {
  /** Undefined where no token is configured. */
  readonly tokens: AccessTokens | undefined;
  readonly noteRefused: NoteRefused;
}

/** Lets a request pass only with a token, given in one of `schemes`; everybody passes where none is configured. */
export function makeAuthorize(
  { tokens, noteRefused }: AuthorizeOptions,
  schemes: readonly Scheme[] = [BEARER],
): RequestHandler {
  if (tokens === undefined) return (_request, _response, next) => next();
  const challenges = schemes.map((scheme) => scheme.challenge);
  return (request, response, next) => {
    if (isAuthorized(request, tokens, schemes)) return next();
    noteRefused(request, request.headers.authorization === undefined ? 'missing' : 'wrong');
    response.setHeader('WWW-Authenticate', challenges);
    next(new RuntimeError('unauthorized', 'The token is missing or wrong'));
  };
}

/** Whether the request carries an accepted token in one of `schemes`. */
export function isAuthorized(
  request: IncomingMessage,
  tokens: AccessTokens,
  schemes: readonly Scheme[] = [BEARER],
): boolean {
  const [header = '', ...others] = request.headersDistinct.authorization ?? [];
  // Of two headers another server on the way may have looked at the other one.
  const readers = others.length === 0 ? schemes : [];
  const given = readers.map((scheme) => scheme.read(header)).find((one) => one !== undefined);
  return given !== undefined && tokens.matches(given);
}
