/** Rules between variables. Each is checked only when all the variables that it speaks of were understood. */
import { isLoopback } from './address-forms.ts';
import type { ConfigProblem } from './config-error.ts';
import { weaknessOf } from './token-forms.ts';
import { type Config, VARIABLES } from './variables.ts';

interface CrossRule {
  readonly of: readonly { readonly name: string }[];
  readonly check: (config: Config) => readonly ConfigProblem[];
}

const { http, docker, streams, limits, ceilings } = VARIABLES;

const tokenOffLoopback: CrossRule = {
  of: [http.listen, http.tokens, http.tokenFile, http.trustedNetwork],
  check(config) {
    const { listen, tokens, tokenFile, trustedNetwork } = config.http;
    if (tokens ?? tokenFile ?? (trustedNetwork || isLoopback(listen))) return [];
    return [
      missing(
        http.tokens.name,
        `is required, because ${http.listen.name} can be reached from other machines (or set ` +
          `${http.trustedNetwork.name}=true where nobody else is on that network)`,
      ),
    ];
  },
};

/** A token file is checked when it is read: at start and after each change. */
const strongTokenOffLoopback: CrossRule = {
  of: [http.listen, http.tokens, http.allowWeakToken],
  check(config) {
    const { listen, tokens, allowWeakToken } = config.http;
    const weakness = tokens && weaknessOf(tokens);
    if (weakness === undefined || allowWeakToken || isLoopback(listen)) return [];
    return [
      missing(
        http.tokens.name,
        `${weakness}, and ${http.listen.name} can be reached from other machines; make one with ` +
          `"openssl rand -hex 32" (or set ${http.allowWeakToken.name}=true)`,
      ),
    ];
  },
};

const oneTokenSource: CrossRule = {
  of: [http.tokens, http.tokenFile],
  check: ({ http: { tokens, tokenFile } }) =>
    tokens && tokenFile
      ? [missing(http.tokenFile.name, `is set beside ${http.tokens.name}; set only one`)]
      : [],
};

const encryptedDocker: CrossRule = {
  of: [docker.host, docker.tlsCaFile, docker.tlsCertFile, docker.allowPlainTcp],
  check({ docker: { host, tlsCaFile, tlsCertFile, allowPlainTcp } }) {
    if (allowPlainTcp || tlsCaFile !== undefined || tlsCertFile !== undefined) return [];
    if (!host.startsWith('tcp://') || isLoopback(addressOf(host))) return [];
    return [
      missing(
        docker.host.name,
        `is a tcp:// address beyond loopback without TLS: whoever reaches it is root there; set ${docker.tlsCaFile.name}, ` +
          `${docker.tlsCertFile.name} and ${docker.tlsKeyFile.name} (or ${docker.allowPlainTcp.name}=true)`,
      ),
    ];
  },
};

/** The host of a tcp:// address, without the brackets of IPv6. */
function addressOf(dockerHost: string): { host: string; port: number } {
  const { hostname, port } = new URL(dockerHost.replace('tcp:', 'http:'));
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}

const tlsOfHttp: CrossRule = {
  of: [http.tlsCertFile, http.tlsKeyFile, http.tlsClientCaFile],
  check({ http: { tlsCertFile, tlsKeyFile, tlsClientCaFile } }) {
    const problems = pair([http.tlsCertFile.name, tlsCertFile], [http.tlsKeyFile.name, tlsKeyFile]);
    if (tlsClientCaFile === undefined || tlsCertFile !== undefined || tlsKeyFile !== undefined)
      return problems;
    return [missing(http.tlsCertFile.name, `is required, because ${http.tlsClientCaFile.name} is set`)];
  },
};

const tlsOfDocker: CrossRule = {
  of: [docker.host, docker.tlsCaFile, docker.tlsCertFile, docker.tlsKeyFile],
  check({ docker: { host, tlsCaFile, tlsCertFile, tlsKeyFile } }) {
    const set = [
      [docker.tlsCaFile.name, tlsCaFile],
      [docker.tlsCertFile.name, tlsCertFile],
      [docker.tlsKeyFile.name, tlsKeyFile],
    ].filter(([, value]) => value !== undefined);
    if (!host.startsWith('tcp://')) {
      return set.map(([name = '']) =>
        missing(name, `is set, but ${docker.host.name} is not a tcp:// address`),
      );
    }
    return pair([docker.tlsCertFile.name, tlsCertFile], [docker.tlsKeyFile.name, tlsKeyFile]);
  },
};

const STREAM_KEYS = [
  'startJobs',
  'stopJobs',
  'jobResults',
  'healthEvents',
  'deadLetters',
  'notificationIntents',
] as const;

const distinctStreams: CrossRule = {
  of: STREAM_KEYS.map((key) => streams[key]),
  check(config) {
    return STREAM_KEYS.flatMap((key, index) => {
      const same = STREAM_KEYS.slice(0, index).find((other) => config.streams[other] === config.streams[key]);
      if (same === undefined) return [];
      // Shared by two purposes, a stream would feed RTM its own answers or bury one kind of entry in the other.
      const reason = `is the same stream as ${streams[same].name}`;
      return [{ ...missing(streams[key].name, reason), value: JSON.stringify(config.streams[key]) }];
    });
  },
};

const LIMIT_KEYS = ['nanoCpus', 'memoryBytes', 'pidsLimit'] as const;

const defaultsBelowCeilings: CrossRule = {
  of: LIMIT_KEYS.flatMap((key) => [limits[key], ceilings[key]]),
  check: (config) =>
    LIMIT_KEYS.filter((key) => config.limits[key] > (config.ceilings[key] ?? Number.POSITIVE_INFINITY)).map(
      (key) => missing(limits[key].name, `is more than ${ceilings[key].name}`),
    ),
};

/** Every rule between variables. */
export const CROSS_RULES: readonly CrossRule[] = [
  defaultsBelowCeilings,
  tokenOffLoopback,
  strongTokenOffLoopback,
  oneTokenSource,
  tlsOfHttp,
  tlsOfDocker,
  encryptedDocker,
  distinctStreams,
];

function pair(
  ...[left, right]: [[string, string | undefined], [string, string | undefined]]
): ConfigProblem[] {
  const [leftName, leftValue] = left;
  const [rightName, rightValue] = right;
  if ((leftValue === undefined) === (rightValue === undefined)) return [];
  return leftValue === undefined
    ? [missing(leftName, `is required, because ${rightName} is set`)]
    : [missing(rightName, `is required, because ${leftName} is set`)];
}

function missing(variable: string, reason: string): ConfigProblem {
  return { variable, value: undefined, reason, accepted: undefined };
}
