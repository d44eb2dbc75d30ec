import { readFileSync } from 'node:fs';
import { Failure } from './failure.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** What the flags of every command say. */
export interface ConnectionFlags {
  readonly url?: string;
  readonly token?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Where RTM is, and how it is spoken to. */
export interface Settings {
  /** Without a slash at its end. */
  readonly url: string;
  readonly token: string | undefined;
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

/**
 * A flag first, then RTMCTL_*, then what RTM itself is configured by, so that on its host nothing has to be said. Throws
 * a `usage` failure that names what can not be used.
 */
export function readSettings(flags: ConnectionFlags, env: Env): Settings {
  const url = flags.url ?? (env.RTMCTL_URL || urlOfService(env));
  // First of all, and not shown: what is refused for something else would stand in a terminal's or a job's log.
  if (url.includes('@')) {
    throw new Failure({
      code: 'usage',
      message:
        'the address must hold no user and no password: give http://host[:port][/path] as --url or RTMCTL_URL, and the token as --token or RTMCTL_TOKEN',
    });
  }
  if (!/^https?:\/\/[^/]/.test(url) || !URL.canParse(url) || /[?#]/.test(url)) {
    throw new Failure({
      code: 'usage',
      message: `the address ${JSON.stringify(url)} must be http://host[:port][/path] or https://…, as --url or RTMCTL_URL`,
    });
  }
  const files = {
    ca: flags.ca ?? env.RTMCTL_TLS_CA,
    cert: flags.cert ?? env.RTMCTL_TLS_CERT,
    key: flags.key ?? env.RTMCTL_TLS_KEY,
  };
  return {
    url: url.replace(/(?<!\/)\/+$/, ''),
    token: flags.token ?? (env.RTMCTL_TOKEN || tokenOfService(env)),
    tls: Object.fromEntries(
      Object.entries(files).flatMap(([name, file]) => (file ? [[name, readPem(name, file)]] : [])),
    ),
  };
}

/** During a rotation the service accepts two tokens, separated by a comma. */
const tokenOfService = (env: Env): string | undefined =>
  env.RTMANAGER_INTERNAL_HTTP_TOKEN?.split(',', 1)[0] || undefined;

/** The listener of the service is reached by loopback when it is every interface. */
function urlOfService(env: Env): string {
  const address = env.RTMANAGER_INTERNAL_HTTP_ADDR || '127.0.0.1:8096';
  const scheme = env.RTMANAGER_INTERNAL_HTTP_TLS_CERT ? 'https' : 'http';
  return `${scheme}://${address.replace(/^(0\.0\.0\.0)?:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:')}`;
}

function readPem(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Failure({
      code: 'usage',
      message: `--${name} ${file} can not be read: ${String(cause)}`,
      cause,
    });
  }
}
