import type { RequestHandler } from 'express';

/** What a page may do: load and ask nothing but what this service serves. It is framed by nobody. */
const OWN_ONLY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  // Text can not become markup or code, whatever a script does with it.
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/**
 * Styles in the markup are the board's own. It also links fonts of fonts.googleapis.com, which stay out: the browser's
 * own fonts do, and nobody outside learns who looks.
 */
const BOARD = [
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

/** For everything below `/admin`, errors too. */
export const setPageHeaders: RequestHandler = (_request, response, next) => {
  response.setHeader('Content-Security-Policy', OWN_ONLY);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('X-Frame-Options', 'DENY');
  response.setHeader('Referrer-Policy', 'no-referrer');
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
  response.setHeader('Cache-Control', 'private, no-cache');
  next();
};

/** For the queue board, which is not made here. */
export const setBoardHeaders: RequestHandler = (_request, response, next) => {
  response.setHeader('Content-Security-Policy', BOARD);
  response.setHeader('Referrer-Policy', 'same-origin');
  next();
};
