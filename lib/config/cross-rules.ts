/** Rules between variables. Each is checked only when all the variables that it speaks of were understood. */
import { isLoopback } from './address-forms.ts';
import type { ConfigProblem } from './config-error.ts';
import { type Config, VARIABLES } from './variables.ts';

interface CrossRule {
  readonly of: readonly { readonly name: string }[];
  readonly check: (config: Config) => readonly ConfigProblem[];
}

const { http, docker, streams } = VARIABLES;

const tokenOffLoopback: CrossRule = {
  of: [http.listen, http.token, http.trustedNetwork],
  check(config) {
    const { listen, token, trustedNetwork } = config.http;
    if (token !== undefined || trustedNetwork || isLoopback(listen)) return [];
    return [
      missing(
        http.token.name,
        `is required, because ${http.listen.name} can be reached from other machines (or set ` +
          `${http.trustedNetwork.name}=true where nobody else is on that network)`,
      ),
    ];
  },
};

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

/** Every rule between variables. */
export const CROSS_RULES: readonly CrossRule[] = [tokenOffLoopback, tlsOfHttp, tlsOfDocker, distinctStreams];

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
