/**
 * Every variable that RTM reads, in one table: where its value stands in the configuration, its name, default and
 * form. Names and defaults are those of the specification, section 8; docs/configuration.md says what each is for,
 * and a test keeps the two in step. Limits stand beside their reasons.
 */
import { LOG_LEVELS } from '../logger.ts';
import { dockerHost, hostNames, hostPort, httpBaseUrl, listenAddress } from './address-forms.ts';
import {
  capabilities,
  logDriver,
  logOptions,
  networkName,
  repositoryGlobs,
  runtimeName,
} from './container-forms.ts';
import type { Limit } from './form.ts';
import { LIMIT_VARIABLES } from './limit-variables.ts';
import { absolutePath, directoryMode, readableFile } from './path-forms.ts';
import { postgresDsn } from './postgres-dsn.ts';
import {
  anyText,
  duration,
  oneOf,
  shareForm,
  switchForm,
  textLike,
  wholeNumber,
  wholeUnits,
} from './scalar-forms.ts';
import { TELEMETRY_VARIABLES } from './telemetry-variables.ts';
import { accessTokens } from './token-forms.ts';
import { defaulted, type Env, optional, required, type Variable } from './variable.ts';

const MAY_BE_NONE: Limit = { at: 0, because: 'it cannot be negative' };
const AT_LEAST_ONE: Limit = { at: 1, because: 'with none nothing would ever run' };
const CENTURY_DAYS: Limit = { at: 36_500, because: 'a century is for ever' };
const OWNER_ID_MOST: Limit = { at: 4_294_967_294, because: 'Linux has no higher one' };

const streamName = textLike(
  'a Redis key without white space',
  /^\S{1,512}$/,
  'has white space or over 512 characters',
);

/** `max-size` and `max-file` are options of these two drivers; any other refuses a container that names them. */
function driverRotatesFiles(env: Env): boolean {
  const driver = env.RTMANAGER_DOCKER_LOG_DRIVER;
  return driver === undefined || ['', 'json-file', 'local'].includes(driver);
}

export const VARIABLES = {
  http: {
    listen: defaulted('RTMANAGER_INTERNAL_HTTP_ADDR', '127.0.0.1:8096', listenAddress),
    tokens: optional('RTMANAGER_INTERNAL_HTTP_TOKEN', accessTokens, { secret: 'whole' }),
    tokenFile: optional('RTMANAGER_INTERNAL_HTTP_TOKEN_FILE', readableFile),
    allowWeakToken: defaulted('RTMANAGER_ALLOW_WEAK_TOKEN', 'false', switchForm),
    trustedNetwork: defaulted('RTMANAGER_INTERNAL_HTTP_TRUSTED_NETWORK', 'false', switchForm),
    hosts: optional('RTMANAGER_INTERNAL_HTTP_HOSTS', hostNames),
    tlsCertFile: optional('RTMANAGER_INTERNAL_HTTP_TLS_CERT', readableFile),
    tlsKeyFile: optional('RTMANAGER_INTERNAL_HTTP_TLS_KEY', readableFile),
    tlsClientCaFile: optional('RTMANAGER_INTERNAL_HTTP_TLS_CLIENT_CA', readableFile),
  },
  postgres: {
    dsn: required('RTMANAGER_POSTGRES_PRIMARY_DSN', postgresDsn, { secret: 'inside' }),
    maxConnections: defaulted(
      'RTMANAGER_POSTGRES_MAX_CONNECTIONS',
      '10',
      wholeNumber(
        {
          at: 7,
          because: 'the pump keeps one for its lock, and publishing, repair, REST and operations need theirs',
        },
        { at: 1_000, because: 'no PostgreSQL server has more to give' },
      ),
    ),
  },
  redis: {
    addr: required('RTMANAGER_REDIS_MASTER_ADDR', hostPort),
    password: optional('RTMANAGER_REDIS_PASSWORD', anyText, { secret: 'whole' }),
    db: defaulted('RTMANAGER_REDIS_DB', '0', wholeNumber(MAY_BE_NONE)),
    tls: defaulted('RTMANAGER_REDIS_TLS', 'false', switchForm),
  },
  docker: {
    host: defaulted('RTMANAGER_DOCKER_HOST', 'unix:///var/run/docker.sock', dockerHost),
    tlsCaFile: optional('RTMANAGER_DOCKER_TLS_CA', readableFile),
    tlsCertFile: optional('RTMANAGER_DOCKER_TLS_CERT', readableFile),
    tlsKeyFile: optional('RTMANAGER_DOCKER_TLS_KEY', readableFile),
    allowPlainTcp: defaulted('RTMANAGER_DOCKER_ALLOW_PLAIN_TCP', 'false', switchForm),
    network: defaulted('RTMANAGER_DOCKER_NETWORK', 'galaxy', networkName),
    logDriver: defaulted('RTMANAGER_DOCKER_LOG_DRIVER', 'json-file', logDriver),
    logOpts: defaulted('RTMANAGER_DOCKER_LOG_OPTS', 'max-size=1m,max-file=3', logOptions, driverRotatesFiles),
    registryAuthFile: optional('RTMANAGER_DOCKER_REGISTRY_AUTH_FILE', readableFile),
    parallelStarts: defaulted(
      'RTMANAGER_DOCKER_PARALLEL_STARTS',
      '4',
      wholeNumber(AT_LEAST_ONE, { at: 64, because: 'one daemon only gets slower (design.md, section 2)' }),
    ),
    parallelPulls: defaulted(
      'RTMANAGER_DOCKER_PARALLEL_PULLS',
      '3',
      wholeNumber(AT_LEAST_ONE, { at: 64, because: 'one registry only gets slower' }),
    ),
    retryWindowMs: defaulted('RTMANAGER_DOCKER_RETRY_WINDOW', '10m', duration(MAY_BE_NONE)),
  },
  image: {
    pullPolicy: defaulted(
      'RTMANAGER_IMAGE_PULL_POLICY',
      'if_missing',
      oneOf(['if_missing', 'always', 'never']),
    ),
    pullTimeoutMs: defaulted('RTMANAGER_IMAGE_PULL_TIMEOUT', '5m', duration()),
    allowlist: optional('RTMANAGER_IMAGE_ALLOWLIST', repositoryGlobs),
  },
  gameState: {
    root: required('RTMANAGER_GAME_STATE_ROOT', absolutePath),
    dirMode: defaulted('RTMANAGER_GAME_STATE_DIR_MODE', '0750', directoryMode),
    ownerUid: optional('RTMANAGER_GAME_STATE_OWNER_UID', wholeNumber(MAY_BE_NONE, OWNER_ID_MOST)),
    ownerGid: optional('RTMANAGER_GAME_STATE_OWNER_GID', wholeNumber(MAY_BE_NONE, OWNER_ID_MOST)),
  },
  engine: {
    stateMountPath: defaulted('RTMANAGER_ENGINE_STATE_MOUNT_PATH', '/var/lib/galaxy-game', absolutePath),
  },
  ...LIMIT_VARIABLES,
  container: {
    stopTimeoutMs: defaulted(
      'RTMANAGER_CONTAINER_STOP_TIMEOUT_SECONDS',
      '30',
      wholeUnits('seconds', MAY_BE_NONE, { at: 3_600, because: 'a stop would hold its game for hours' }),
    ),
    capAdd: defaulted('RTMANAGER_CONTAINER_CAP_ADD', '', capabilities),
    runtime: optional('RTMANAGER_CONTAINER_RUNTIME', runtimeName),
    readOnlyRootfs: defaulted('RTMANAGER_CONTAINER_READ_ONLY_ROOTFS', 'false', switchForm),
    allowRoot: defaulted('RTMANAGER_CONTAINER_ALLOW_ROOT', 'false', switchForm),
  },
  streams: {
    startJobs: defaulted('RTMANAGER_REDIS_START_JOBS_STREAM', 'runtime:start_jobs', streamName),
    stopJobs: defaulted('RTMANAGER_REDIS_STOP_JOBS_STREAM', 'runtime:stop_jobs', streamName),
    jobResults: defaulted('RTMANAGER_REDIS_JOB_RESULTS_STREAM', 'runtime:job_results', streamName),
    healthEvents: defaulted('RTMANAGER_REDIS_HEALTH_EVENTS_STREAM', 'runtime:health_events', streamName),
    deadLetters: defaulted('RTMANAGER_REDIS_DEAD_LETTERS_STREAM', 'runtime:dead_letters', streamName),
    notificationIntents: defaulted(
      'RTMANAGER_NOTIFICATION_INTENTS_STREAM',
      'notification:intents',
      streamName,
    ),
    // XREAD takes BLOCK 0 as "for ever", which no shutdown could end.
    blockTimeoutMs: defaulted('RTMANAGER_STREAM_BLOCK_TIMEOUT', '5s', duration()),
    maxLen: defaulted(
      'RTMANAGER_STREAM_MAX_LEN',
      '100000',
      wholeNumber({ at: 1, because: 'every entry would be gone before it is read' }),
    ),
  },
  probe: {
    intervalMs: defaulted('RTMANAGER_PROBE_INTERVAL', '15s', duration()),
    timeoutMs: defaulted('RTMANAGER_PROBE_TIMEOUT', '2s', duration()),
    failuresThreshold: defaulted(
      'RTMANAGER_PROBE_FAILURES_THRESHOLD',
      '3',
      wholeNumber({ at: 1, because: 'a game would be reported before it fails' }),
    ),
  },
  inspect: {
    intervalMs: defaulted('RTMANAGER_INSPECT_INTERVAL', '30s', duration()),
  },
  reconcile: {
    intervalMs: defaulted('RTMANAGER_RECONCILE_INTERVAL', '5m', duration()),
    maxDisposeShare: defaulted('RTMANAGER_RECONCILE_MAX_DISPOSE_SHARE', '0.5', shareForm),
  },
  cleanup: {
    intervalMs: defaulted('RTMANAGER_CLEANUP_INTERVAL', '1h', duration()),
    containerRetentionMs: defaulted(
      'RTMANAGER_CONTAINER_RETENTION_DAYS',
      '30',
      wholeUnits('days', MAY_BE_NONE, CENTURY_DAYS),
    ),
    operationLogRetentionMs: defaulted(
      'RTMANAGER_OPERATION_LOG_RETENTION_DAYS',
      '365',
      wholeUnits(
        'days',
        { at: 1, because: 'the log also tells repeated requests from new ones' },
        CENTURY_DAYS,
      ),
    ),
  },
  lifecycle: {
    leaseTtlMs: defaulted(
      'RTMANAGER_GAME_LEASE_TTL_SECONDS',
      '60',
      wholeUnits(
        'seconds',
        {
          at: 2,
          because: 'it is renewed several times within its span, and a pause of the process must not end it',
        },
        { at: 3_600, because: "a dead replica's games would wait for hours" },
      ),
    ),
    queues: defaulted(
      'RTMANAGER_LIFECYCLE_QUEUES',
      '4',
      wholeNumber(AT_LEAST_ONE, {
        at: 64,
        because: 'each one holds Redis connections of its own in every replica',
      }),
    ),
    concurrency: defaulted(
      'RTMANAGER_LIFECYCLE_CONCURRENCY',
      '64',
      wholeNumber(AT_LEAST_ONE, { at: 1_024, because: 'they all share one process and one Docker daemon' }),
    ),
  },
  lobby: {
    baseUrl: required('RTMANAGER_LOBBY_INTERNAL_BASE_URL', httpBaseUrl),
    timeoutMs: defaulted('RTMANAGER_LOBBY_INTERNAL_TIMEOUT', '2s', duration()),
  },
  rest: {
    waitTimeoutMs: defaulted('RTMANAGER_REST_WAIT_TIMEOUT', '60s', duration(MAY_BE_NONE)),
  },
  log: {
    level: defaulted('RTMANAGER_LOG_LEVEL', 'info', oneOf(LOG_LEVELS)),
  },
  shutdown: {
    timeoutMs: defaulted('RTMANAGER_SHUTDOWN_TIMEOUT', '30s', duration(MAY_BE_NONE)),
  },
  telemetry: TELEMETRY_VARIABLES,
} as const satisfies Record<string, Record<string, Variable<unknown>>>;

type ValueOf<V> = V extends Variable<infer T> ? T : never;

/** RTM's whole configuration, frozen. Keys are those of the table; `…Ms` are milliseconds, `…Bytes` bytes. */
export type Config = {
  readonly [G in keyof typeof VARIABLES]: {
    readonly [K in keyof (typeof VARIABLES)[G]]: ValueOf<(typeof VARIABLES)[G][K]>;
  };
};

/** The table as a list, in its own order. */
export const VARIABLE_LIST: readonly Variable<unknown>[] = Object.values(VARIABLES).flatMap(
  (group): Variable<unknown>[] => Object.values(group),
);
