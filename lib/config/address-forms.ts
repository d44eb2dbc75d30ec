/** Forms of everything that is connected to or listened on. */
import { BlockList, isIP, isIPv6 } from 'node:net';
import { FormError } from '../form-error.ts';
import type { Form } from './form.ts';

interface HostPort {
  /** Without brackets where it is an IPv6 address. */
  readonly host: string;
  readonly port: number;
}

interface ListenAddress {
  /** Undefined: every interface. */
  readonly host: string | undefined;
  readonly port: number;
}

const HOSTNAME = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;

export const listenAddress: Form<ListenAddress> = {
  words: '`host:port` or `:port` (every interface); IPv6 in brackets; port 0 takes any free one',
  parse(text) {
    const { host, port } = splitHostPort(text);
    return { host: host === '' ? undefined : host, port };
  },
};

export const hostPort: Form<HostPort> = {
  words: '`host:port`; IPv6 in brackets',
  parse(text) {
    if (text.includes('://')) throw new FormError('is a URL; write only host and port');
    const { host, port } = splitHostPort(text);
    if (host === '') throw new FormError('has no host');
    if (port === 0) throw new FormError('has port 0, to which nothing can connect');
    return { host, port };
  },
};

/** @returns the names in lower case, IPv6 addresses in brackets, as `new URL` writes them */
export const hostNames: Form<readonly string[]> = {
  words: 'host names or addresses without port, separated by commas; IPv6 in brackets',
  parse: (text) =>
    text.split(',').map((part) => {
      const name = part.trim();
      const isName = HOSTNAME.test(name) || (name.startsWith('[') && isIPv6(name.slice(1, -1)));
      if (!isName || !URL.canParse(`http://${name}`)) throw new FormError('has a part that is no host name');
      return new URL(`http://${name}`).hostname;
    }),
};

/** @returns the URL without a slash at its end */
export const httpBaseUrl: Form<string> = {
  words: '`http://host[:port][/path]` or `https://…`, without user, query and fragment',
  parse(text) {
    const url = parseUrl(text);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw new FormError('does not begin with http:// or https://');
    }
    if (url.username !== '' || url.password !== '')
      throw new FormError('has a user or password, which fetch refuses');
    if (text.includes('?') || text.includes('#')) throw new FormError('has a query or fragment');
    return url.href.replace(/(?<!\/)\/+$/, '');
  },
};

/** @returns the address as given, for the Docker client to take apart */
export const dockerHost: Form<string> = {
  words: '`unix:///absolute/path` or `tcp://host[:port]`',
  parse(text) {
    if (text.startsWith('unix://')) {
      if (!/^unix:\/\/\/[^/]/.test(text)) throw new FormError('does not name the socket by an absolute path');
      return text;
    }
    if (!text.startsWith('tcp://')) throw new FormError('does not begin with unix:// or tcp://');
    const url = parseUrl(text.replace('tcp:', 'http:'));
    if (url.username !== '' || url.password !== '') throw new FormError('has a user or password');
    if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
      throw new FormError('has more than host and port');
    return text;
  },
};

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether only this machine can reach the address. A name other than `localhost` may mean anything: it does not count. */
export function isLoopback({ host }: ListenAddress): boolean {
  if (host === undefined) return false;
  if (isIP(host) === 0) return host.toLowerCase() === 'localhost';
  return LOOPBACK.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');
}

function splitHostPort(text: string): { host: string; port: number } {
  const match = /^(?:\[(?<v6>[^\]]*)\]|(?<name>[^:[\]]*)):(?<port>\d{1,5})$/.exec(text);
  const { v6, name = '', port = '' } = match?.groups ?? {};
  if (match === null) {
    throw new FormError(
      isIPv6(text) ? 'is an IPv6 address without brackets or port' : 'is not host and port',
    );
  }
  if (Number(port) > 65_535) throw new FormError('has a port above 65535');
  if (v6 !== undefined && !isIPv6(v6))
    throw new FormError('has something in brackets that is not an IPv6 address');
  if (v6 === undefined && name !== '' && !HOSTNAME.test(name))
    throw new FormError('has a host that is no host name');
  return { host: v6 ?? name, port: Number(port) };
}

function parseUrl(text: string): URL {
  if (!text.includes('://') || !URL.canParse(text)) throw new FormError('is not a URL');
  return new URL(text);
}
