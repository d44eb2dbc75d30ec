import type { TLSSocket } from 'node:tls';
import type { RequestHandler } from 'express';
import type { Logger } from '../lib/logger.ts';
import { SAFE_METHODS } from './refuse-other-sites.ts';

/**
 * Logs what is changed on the queue board, and who changed it: the caller as declared, the address, and the name in the
 * client's certificate. The board itself leaves no trace.
 */
export const makeLogBoardChanges =
  (log: Pick<Logger, 'info'>): RequestHandler =>
  (request, response, next) => {
    if (SAFE_METHODS.includes(request.method)) return next();
    const { method, originalUrl, socket } = request;
    const peer = 'getPeerCertificate' in socket ? (socket as TLSSocket).getPeerCertificate() : undefined;
    response.once('finish', () =>
      log.info('a change was asked for on the queue board', {
        method,
        path: originalUrl,
        status: response.statusCode,
        caller: request.get('X-Galaxy-Caller'),
        address: socket.remoteAddress,
        certificate: peer?.subject?.CN,
      }),
    );
    next();
  };
