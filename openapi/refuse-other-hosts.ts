import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import { hostname } from 'node:os';
import type { RequestHandler } from 'express';
import type { AccessTokens } from '../lib/access-tokens.ts';
import { RuntimeError } from '../lib/errors.ts';
import { BEARER } from './authorize.ts';
import { refusal } from './refusal.ts';

interface HostsOptions {
  /** Undefined where no token is configured. */
  readonly tokens: AccessTokens | undefined;
  /** The configured address of the listener; undefined for every interface. */
  readonly listenHost: string | undefined;
  /** Accepted names; undefined for those of this machine. */
  readonly hosts: readonly string[] | undefined;
}

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

/** Which names a request may be for; every name where a token is asked for. */
export interface AcceptedHosts {
  readonly names: readonly string[];
  includes(request: IncomingMessage): boolean;
}

export function makeAcceptedHosts({ tokens, listenHost, hosts }: HostsOptions): AcceptedHosts {
  const ofMachine = [...LOOPBACK_NAMES, bracketed(listenHost), nameIn(hostname())];
  const names = [...new Set(hosts ?? ofMachine)].filter((name) => name !== '');
  return {
    names,
    includes({ headers, socket }) {
      if (tokens !== undefined) return true;
      const name = nameIn(headers.host);
      // No page can be served under this address but by this machine.
      const isOwnAddress = hosts === undefined && name === bracketed(socket.localAddress);
      return name !== '' && (isOwnAddress || names.includes(name));
    },
  };
}

/**
 * Refuses requests under another name than this service's, where no token is asked for. A page can resolve its own name
 * to this address (DNS rebinding), and the browser then treats this service as the same site: only `Host` shows it.
 */
export function makeRefuseOtherHosts(accepted: AcceptedHosts): RequestHandler {
  return (request, response, next) => {
    if (accepted.includes(request)) return next();
    response.setHeader('WWW-Authenticate', BEARER.challenge);
    next(
      new RuntimeError(
        'unauthorized',
        `header "Host" must be one of ${accepted.names.join(', ')}, with any port; ${HOSTS_VARIABLE} names others`,
      ),
    );
  };
}

/** Refuses a request whose `Host` two readers would read in two ways: more than one, or with user information. */
export const refuseAmbiguousHost: RequestHandler = ({ rawHeaders, headers }, _response, next) => {
  const count = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length;
  if (count <= 1 && !headers.host?.includes('@')) return next();
  next(refusal(400, 'header "Host" must appear once, as a name with or without a port'));
};

const HOSTS_VARIABLE = 'RTMANAGER_INTERNAL_HTTP_HOSTS';

/** An address as a Host header writes it. IPv4 addresses may arrive at an IPv6 socket. */
const bracketed = (host = ''): string => {
  const plain = host.replace(/^::ffff:(?=\d+\.)/, '');
  return nameIn(isIPv6(plain) ? `[${plain}]` : plain);
};

/** The name in a Host header, in lower case and without its port. */
function nameIn(host = ''): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : '';
}
