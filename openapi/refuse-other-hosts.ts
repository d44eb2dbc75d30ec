import type { RequestHandler } from 'express';
import { isLoopback } from '../lib/config/address-forms.ts';
import { RuntimeError } from '../lib/errors.ts';
import { BEARER } from './authorize.ts';

interface HostsOptions {
  readonly token: string | undefined;
  /** The configured address of the listener; undefined for every interface. */
  readonly listenHost: string | undefined;
}

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

/**
 * Refuses requests under a name that is not this machine's, where being on it is all that is asked for. A page can have
 * its own name lead to 127.0.0.1 (DNS rebinding), and is then no other site to the browser: only the name gives it away.
 */
export function makeRefuseOtherHosts({ token, listenHost }: HostsOptions): RequestHandler {
  if (token !== undefined || !isLoopback({ host: listenHost, port: 0 })) {
    return (_request, _response, next) => next();
  }
  const configured = nameIn(listenHost?.includes(':') ? `[${listenHost}]` : listenHost);
  const accepted = [...new Set([...LOOPBACK_NAMES, configured])];
  return (request, response, next) => {
    if (accepted.includes(nameIn(request.headers.host))) return next();
    response.setHeader('WWW-Authenticate', BEARER.challenge);
    next(
      new RuntimeError('unauthorized', `header "Host" must be one of ${accepted.join(', ')}, with any port`),
    );
  };
}

/** The name in a Host header, in lower case and without its port. */
function nameIn(host = ''): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : '';
}
