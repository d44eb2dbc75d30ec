/** The one parser of RTMANAGER_POSTGRES_PRIMARY_DSN: migrations and pools connect to the fields that it returns. */
import { FormError } from '../form-error.ts';
import type { Form } from './form.ts';

/** Where PostgreSQL is and as whom RTM signs in. */
export interface PostgresAddress {
  /** A name, an IP address without brackets, or the absolute directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
  /** Undefined: the user that this process runs as. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Undefined: the one named like the user. */
  readonly database: string | undefined;
  /** `verify` checks the server's certificate and name, `no-verify` only encrypts. */
  readonly tls: 'off' | 'no-verify' | 'verify';
  /** Command-line options of the session, such as `-c work_mem=8MB`. */
  readonly options: string | undefined;
}

const TLS_OF_MODE: Readonly<Record<string, PostgresAddress['tls']>> = {
  disable: 'off',
  'no-verify': 'no-verify',
  require: 'verify',
};
const OF_CERTIFICATES = ['ssl', 'sslcert', 'sslkey', 'sslrootcert', 'sslpassword'];
const SUPPORTED = ['host', 'port', 'user', 'password', 'sslmode', 'options'];
const DEFAULT_PORT = 5432;

/** Kept as text, because messages hide its secrets. Checked whole, so that a mistake shows before the first connection. */
export const postgresDsn: Form<string> = {
  words:
    '`postgres://user:password@host:port/database` or `postgresql://…`; IPv6 in brackets; parameters `sslmode` ' +
    '(disable, no-verify or require), `options`, and `host`, `port`, `user`, `password` where the part before `?` has none',
  parse(text) {
    parsePostgresDsn(text);
    return text;
  },
};

/** @throws FormError with a half sentence that does not repeat the value */
export function parsePostgresDsn(text: string): PostgresAddress {
  const url = parseUrl(text);
  const parameters = readParameters(url.search);
  const either = (name: string, written: string): string | undefined => {
    const given = parameters.get(name) ?? '';
    if (written !== '' && given !== '') throw new FormError(`names its ${name} twice`);
    return written || given || undefined;
  };
  const mode = parameters.get('sslmode') ?? 'disable';
  const tls = TLS_OF_MODE[mode];
  if (tls === undefined)
    throw new FormError(`has a sslmode other than ${Object.keys(TLS_OF_MODE).join(', ')}`);
  const [database = '', ...deeper] = url.pathname.slice(1).split('/');
  if (deeper.length > 0)
    throw new FormError('has more than one / after the host; write %2F for the sign itself');
  return {
    host: readHost(either('host', url.hostname === NO_HOST ? '' : decode(url.hostname))),
    port: readPort(either('port', url.port)),
    user: either('user', decode(url.username)),
    password: either('password', decode(url.password)),
    database: decode(database) || undefined,
    tls,
    options: parameters.get('options'),
  };
}

function parseUrl(text: string): URL {
  const [scheme = '', rest] = text.split('://', 2);
  if (rest === undefined) throw new FormError('is not a URL');
  if (scheme !== 'postgres' && scheme !== 'postgresql') {
    throw new FormError('does not begin with postgres:// or postgresql://');
  }
  const [authority = ''] = rest.split(/[/?#]/, 1);
  if (authority.slice(authority.lastIndexOf('@') + 1).includes(',')) throw new FormError(SEVERAL_HOSTS);
  // A URL may not carry a user without a host, a DSN whose host is a parameter may.
  const whole = authority.endsWith('@') ? text.replace(authority, () => `${authority}${NO_HOST}`) : text;
  if (!URL.canParse(whole)) throw new FormError('is not a URL');
  const url = new URL(whole);
  // A password with a question mark would be taken for parameters, and shown.
  if (url.search.includes('@'))
    throw new FormError('has a @ after a ?; write %40 and %3F for the signs themselves');
  if (url.hash !== '') throw new FormError('has a #; write %23 for the sign itself');
  return url;
}

const NO_HOST = 'no-host.invalid';
const SEVERAL_HOSTS = 'names several hosts; name one, or a proxy that finds the primary';

function readParameters(search: string): ReadonlyMap<string, string> {
  const pairs = search.slice(1).split('&').filter(Boolean);
  // As libpq reads them: a + is a + here, while it is a space to a browser.
  const given = pairs.map((pair): [string, string] => {
    const [name = '', ...value] = pair.split('=');
    return [decode(name), decode(value.join('='))];
  });
  const names = given.map(([name]) => name);
  const ofCertificates = OF_CERTIFICATES.find((name) => names.includes(name));
  if (ofCertificates !== undefined) {
    throw new FormError(
      `has ${ofCertificates}, which is not supported; NODE_EXTRA_CA_CERTS names further authorities`,
    );
  }
  const unknown = names.find((name) => !SUPPORTED.includes(name));
  if (unknown !== undefined) {
    // Behind a password it may be the rest of that.
    const isQuotable = !names.includes('password');
    throw new FormError(
      isQuotable
        ? `has the parameter ${unknown}; supported are ${SUPPORTED.join(', ')}`
        : `has a parameter other than ${SUPPORTED.join(', ')}; write %26 for a & in the password`,
    );
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new FormError(`has ${twice} twice`);
  return new Map(given);
}

function readHost(given = 'localhost'): string {
  if (given.includes(',')) throw new FormError(SEVERAL_HOSTS);
  return given.replace(/^\[(.*)\]$/, '$1');
}

function readPort(given: string | undefined): number {
  if (given === undefined) return DEFAULT_PORT;
  const port = Number(given);
  if (!/^\d{1,5}$/.test(given) || port === 0 || port > 65_535)
    throw new FormError('has a port outside 1 to 65535');
  return port;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new FormError('has a % that is not the beginning of an escape; write %25 for the sign itself');
  }
}
