import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { VARIABLE_LIST } from '../../lib/config/variables.ts';
import { type Config, ConfigError, parseConfig } from '../../lib/config.ts';

type Env = Record<string, string | undefined>;

const MINIMAL = {
  RTMANAGER_POSTGRES_PRIMARY_DSN: 'postgres://rtm:secret@localhost:5432/galaxy',
  RTMANAGER_REDIS_MASTER_ADDR: 'localhost:6379',
  RTMANAGER_GAME_STATE_ROOT: '/srv/games',
  RTMANAGER_LOBBY_INTERNAL_BASE_URL: 'http://lobby:8080',
};

const TOKEN = '0123456789abcdef0123456789abcdef';

const parse = (env: Env, fileReadable = (): boolean => true): Config =>
  parseConfig({ ...MINIMAL, ...env }, { fileReadable });

function errorOf(env: Env, fileReadable = (): boolean => true): ConfigError {
  try {
    parse(env, fileReadable);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('expected a ConfigError');
}

/** The reason of the only problem, which must be about `variable`. */
function reasonOf(env: Env, variable = Object.keys(env)[0], fileReadable = (): boolean => true): string {
  const { problems } = errorOf(env, fileReadable);
  expect(problems.map((problem) => problem.variable)).to.deep.equal([variable]);
  return problems[0]?.reason ?? '';
}

describe('configuration', () => {
  it('needs four variables and has the defaults of the specification for the rest', () => {
    expect(parse({})).to.deep.equal({
      http: {
        listen: { host: '127.0.0.1', port: 8096 },
        tokens: undefined,
        tokenFile: undefined,
        allowWeakToken: false,
        hosts: undefined,
        trustedNetwork: false,
        tlsCertFile: undefined,
        tlsKeyFile: undefined,
        tlsClientCaFile: undefined,
      },
      postgres: { dsn: MINIMAL.RTMANAGER_POSTGRES_PRIMARY_DSN, maxConnections: 10 },
      redis: { addr: { host: 'localhost', port: 6379 }, password: undefined, db: 0, tls: false },
      docker: {
        host: 'unix:///var/run/docker.sock',
        tlsCaFile: undefined,
        tlsCertFile: undefined,
        tlsKeyFile: undefined,
        allowPlainTcp: false,
        network: 'galaxy',
        logDriver: 'json-file',
        logOpts: { 'max-size': '1m', 'max-file': '3' },
        registryAuthFile: undefined,
        parallelStarts: 4,
        parallelPulls: 3,
        retryWindowMs: 600_000,
      },
      image: { pullPolicy: 'if_missing', pullTimeoutMs: 300_000, allowlist: undefined },
      gameState: { root: '/srv/games', dirMode: 0o750, ownerUid: undefined, ownerGid: undefined },
      engine: { stateMountPath: '/var/lib/galaxy-game' },
      limits: { nanoCpus: 1_000_000_000, memoryBytes: 536_870_912, pidsLimit: 512 },
      ceilings: { nanoCpus: undefined, memoryBytes: undefined, pidsLimit: 4_096 },
      container: {
        stopTimeoutMs: 30_000,
        capAdd: [],
        runtime: undefined,
        readOnlyRootfs: false,
        allowRoot: false,
      },
      streams: {
        startJobs: 'runtime:start_jobs',
        stopJobs: 'runtime:stop_jobs',
        jobResults: 'runtime:job_results',
        healthEvents: 'runtime:health_events',
        deadLetters: 'runtime:dead_letters',
        notificationIntents: 'notification:intents',
        blockTimeoutMs: 5_000,
        maxLen: 100_000,
      },
      probe: { intervalMs: 15_000, timeoutMs: 2_000, failuresThreshold: 3 },
      inspect: { intervalMs: 30_000 },
      reconcile: { intervalMs: 300_000, maxDisposeShare: 0.5 },
      cleanup: {
        intervalMs: 3_600_000,
        containerRetentionMs: 30 * 86_400_000,
        operationLogRetentionMs: 365 * 86_400_000,
      },
      lifecycle: { leaseTtlMs: 60_000, queues: 4, concurrency: 64 },
      lobby: { baseUrl: 'http://lobby:8080', timeoutMs: 2_000 },
      rest: { waitTimeoutMs: 60_000 },
      log: { level: 'info' },
      shutdown: { timeoutMs: 30_000 },
      telemetry: {
        disabled: false,
        tracesExporter: 'otlp',
        metricsExporter: 'otlp',
        endpoint: undefined,
        tracesEndpoint: undefined,
        metricsEndpoint: undefined,
        protocol: 'http/protobuf',
        tracesProtocol: undefined,
        metricsProtocol: undefined,
        sampler: 'parentbased_always_on',
        samplerShare: 1,
        spanDelayMs: 5_000,
        spanQueueSize: 2_048,
        spanBatchSize: 512,
        metricsIntervalMs: 60_000,
        metricsTimeoutMs: 30_000,
      },
    });
  });

  it('is frozen in depth', () => {
    const config = parse({});
    for (const value of [
      config,
      config.http,
      config.http.listen,
      config.docker.logOpts,
      config.container.capAdd,
    ]) {
      expect(Object.isFrozen(value)).to.equal(true);
    }
  });

  it('takes an empty value for one that is not set', () => {
    expect(parse({ RTMANAGER_PROBE_INTERVAL: '', RTMANAGER_REDIS_PASSWORD: '' })).to.deep.equal(parse({}));
    expect(reasonOf({ RTMANAGER_REDIS_MASTER_ADDR: '' })).to.equal('is required and not set');
  });

  it('reads no variable twice into different places', () => {
    const names = VARIABLE_LIST.map(({ name }) => name);
    expect(new Set(names).size).to.equal(names.length);
    for (const name of names) expect(name).to.match(/^(RTMANAGER|OTEL)_[A-Z_]+$/);
  });

  describe('problems', () => {
    it('are all listed at once, with variable, value, reason and accepted form', () => {
      const env = {
        RTMANAGER_PROBE_INTERVAL: '15',
        RTMANAGER_LOG_LEVEL: 'loud',
        RTMANAGER_INTERNAL_HTTP_ADDR: ':80',
      };
      const error = catchConfigError(() => parseConfig(env));
      expect(error.problems.map(({ variable }) => variable)).to.have.members([
        'RTMANAGER_POSTGRES_PRIMARY_DSN',
        'RTMANAGER_REDIS_MASTER_ADDR',
        'RTMANAGER_GAME_STATE_ROOT',
        'RTMANAGER_LOBBY_INTERNAL_BASE_URL',
        'RTMANAGER_PROBE_INTERVAL',
        'RTMANAGER_LOG_LEVEL',
        'RTMANAGER_INTERNAL_HTTP_TOKEN',
      ]);
      expect(error.problems.find(({ variable }) => variable === 'RTMANAGER_LOG_LEVEL')).to.deep.equal({
        variable: 'RTMANAGER_LOG_LEVEL',
        value: '"loud"',
        reason: 'is not one of the accepted words',
        accepted: '`error`, `warn`, `info`, `debug`',
      });
      for (const { variable } of error.problems) expect(error.message).to.include(variable);
      expect(error.message)
        .to.include('RTMANAGER_LOG_LEVEL="loud" is not')
        .and.to.include('accepted: `error`');
    });

    it('are found in every variable that has a form', () => {
      const free = ['RTMANAGER_REDIS_PASSWORD'];
      for (const { name } of VARIABLE_LIST) {
        if (free.includes(name)) continue;
        const { problems } = errorOf({ [name]: '\u0001 ?' }, () => false);
        expect(problems.map(({ variable }) => variable)).to.include(name);
      }
    });

    it('are quoted on one line and cut', () => {
      const { message } = errorOf({ RTMANAGER_LOG_LEVEL: `x\n  RTMANAGER_FAKE ${'y'.repeat(1_000)}` });
      expect(message.split('\n')).to.have.length(3);
      expect(message.length).to.be.lessThan(400);
    });

    it('never show a secret, wherever it stands', () => {
      const secret = 'hunter2';
      const envs: Env[] = [
        { RTMANAGER_INTERNAL_HTTP_TOKEN: `${secret} with space` },
        { RTMANAGER_POSTGRES_PRIMARY_DSN: `mysql://u:${secret}@h/db` },
        { RTMANAGER_POSTGRES_PRIMARY_DSN: `postgres://u:${secret}%zz@h/db` },
        { RTMANAGER_POSTGRES_PRIMARY_DSN: `postgres://u:${secret}` },
        { RTMANAGER_POSTGRES_PRIMARY_DSN: `host=h user=u password=${secret}` },
        { RTMANAGER_POSTGRES_PRIMARY_DSN: `u:${secret}@h/db` },
        { RTMANAGER_POSTGRES_PRIMARY_DSN: `mysql://u:p/${secret}@x@h/db` },
        { RTMANAGER_POSTGRES_PRIMARY_DSN: `mysql://h/db?password=${secret}` },
        { RTMANAGER_POSTGRES_PRIMARY_DSN: `postgres://h/db?user=u&password=p&${secret}` },
        { RTMANAGER_REDIS_MASTER_ADDR: `redis://:${secret}@h:6379` },
        { RTMANAGER_REDIS_MASTER_ADDR: `:${secret}@h:6379` },
        { RTMANAGER_LOBBY_INTERNAL_BASE_URL: `http://u:${secret}@h` },
        { RTMANAGER_LOBBY_INTERNAL_BASE_URL: `http://h/?token=${secret}` },
        { RTMANAGER_DOCKER_HOST: `tcp://u:${secret}@h` },
        { RTMANAGER_REDIS_PASSWROD: secret },
      ];
      for (const env of envs) {
        const error = errorOf(env);
        expect(
          JSON.stringify([error.message, error.stack, error.problems]),
          JSON.stringify(env),
        ).to.not.include(secret);
      }
    });

    it('show what is no secret', () => {
      const { problems } = errorOf({ RTMANAGER_POSTGRES_PRIMARY_DSN: 'mysql://u:p@db.example:5432/galaxy' });
      expect(problems[0]?.value).to.equal('"mysql://***@db.example:5432/galaxy"');
    });
  });

  describe('unknown variables', () => {
    const suggestions: [string, string][] = [
      ['RTMANAGER_REDIS_PASSWROD', 'RTMANAGER_REDIS_PASSWORD'],
      ['RTMANAGER_REDIS_ADDR', 'RTMANAGER_REDIS_MASTER_ADDR'],
      ['RTMANAGER_HTTP_TOKEN', 'RTMANAGER_INTERNAL_HTTP_TOKEN'],
      ['RTMANAGER_PROBE_INTERVALL', 'RTMANAGER_PROBE_INTERVAL'],
      ['RTMANAGER_CONTAINER_STOP_TIMEOUT', 'RTMANAGER_CONTAINER_STOP_TIMEOUT_SECONDS'],
    ];
    for (const [written, meant] of suggestions) {
      it(`suggest ${meant} for ${written}`, () => {
        expect(reasonOf({ [written]: 'x' })).to.include(`did you mean ${meant}?`);
      });
    }

    it('are a problem without anything similar too, and when they are empty', () => {
      expect(reasonOf({ RTMANAGER_XYZZY: '' })).to.include('docs/configuration.md');
    });

    it('are left alone when others own them', () => {
      const env = {
        OTEL_LOGS_EXPORTER: 'none',
        PATH: '/bin',
        RTMANAGERX: '1',
        RTMANAGER_SERVICE_HOST: '10.0.0.1',
        RTMANAGER_SERVICE_PORT: '8096',
        RTMANAGER_SERVICE_PORT_HTTP: '8096',
        RTMANAGER_PORT: 'tcp://10.0.0.1:8096',
        RTMANAGER_PORT_8096_TCP: 'tcp://10.0.0.1:8096',
        RTMANAGER_PORT_8096_TCP_ADDR: '10.0.0.1',
      };
      expect(parse(env)).to.deep.equal(parse({}));
      expect(reasonOf({ RTMANAGER_PORT: '8096' })).to.include('is not a variable');
    });

    it('get a suggestion for every name with one letter changed', () => {
      const names = VARIABLE_LIST.map(({ name }) => name).filter((name) => name.startsWith('RTMANAGER_'));
      fc.assert(
        fc.property(fc.constantFrom(...names), fc.nat(), (name, at) => {
          const index = 'RTMANAGER_'.length + (at % (name.length - 'RTMANAGER_'.length));
          const written = `${name.slice(0, index)}Q${name.slice(index + 1)}`;
          fc.pre(!names.includes(written));
          expect(reasonOf({ [written]: 'x' })).to.include('did you mean RTMANAGER_');
        }),
      );
    });
  });

  describe('addresses', () => {
    const listens: [string, string | undefined, number][] = [
      ['localhost:1', 'localhost', 1],
      ['127.8.9.1:80', '127.8.9.1', 80],
      ['[::1]:65535', '::1', 65_535],
      ['127.0.0.1:0', '127.0.0.1', 0],
    ];
    for (const [text, host, port] of listens) {
      it(`listen on ${text} without a token`, () => {
        expect(parse({ RTMANAGER_INTERNAL_HTTP_ADDR: text }).http.listen).to.deep.equal({ host, port });
      });
    }

    for (const text of [
      ':8096',
      '0.0.0.0:8096',
      '[::]:8096',
      '10.0.0.1:80',
      'rtm.internal:80',
      '127.1:80',
      '[fe80::1]:80',
    ]) {
      it(`listen on ${text} only with a token or in a trusted network`, () => {
        const env = { RTMANAGER_INTERNAL_HTTP_ADDR: text };
        expect(reasonOf(env, 'RTMANAGER_INTERNAL_HTTP_TOKEN')).to.include('is required, because');
        parse({ ...env, RTMANAGER_INTERNAL_HTTP_TOKEN: TOKEN });
        parse({ ...env, RTMANAGER_INTERNAL_HTTP_TOKEN_FILE: '/run/secrets/token' });
        parse({ ...env, RTMANAGER_INTERNAL_HTTP_TRUSTED_NETWORK: 'true' });
        expect(
          reasonOf(
            { ...env, RTMANAGER_INTERNAL_HTTP_TRUSTED_NETWORK: 'false' },
            'RTMANAGER_INTERNAL_HTTP_TOKEN',
          ),
        ).to.include('TRUSTED_NETWORK=true');
      });
    }

    it('mean every interface without a host', () => {
      const env = { RTMANAGER_INTERNAL_HTTP_ADDR: ':8096', RTMANAGER_INTERNAL_HTTP_TOKEN: TOKEN };
      expect(parse(env).http.listen).to.deep.equal({ host: undefined, port: 8_096 });
    });

    it('refuses a token under 32 characters where other machines reach it, unless that is allowed', () => {
      for (const token of ['x', TOKEN.slice(1), `${TOKEN},x`, `x,${TOKEN}`]) {
        const env = { RTMANAGER_INTERNAL_HTTP_ADDR: ':8096', RTMANAGER_INTERNAL_HTTP_TOKEN: token };
        expect(reasonOf(env, 'RTMANAGER_INTERNAL_HTTP_TOKEN')).to.include('less than 32 characters');
        parse({ ...env, RTMANAGER_ALLOW_WEAK_TOKEN: 'true' });
        parse({ ...env, RTMANAGER_INTERNAL_HTTP_ADDR: '127.0.0.1:8096' });
      }
    });

    it('takes two tokens for a rotation, and no third, empty or second source', () => {
      const tokensOf = (text: string) => parse({ RTMANAGER_INTERNAL_HTTP_TOKEN: text }).http.tokens;
      expect(tokensOf('old,new')).to.deep.equal(['old', 'new']);
      expect(reasonOf({ RTMANAGER_INTERNAL_HTTP_TOKEN: 'a,b,c' })).to.include('more than 2');
      expect(reasonOf({ RTMANAGER_INTERNAL_HTTP_TOKEN: 'a,' })).to.include('empty');
      const both = { RTMANAGER_INTERNAL_HTTP_TOKEN: 'a', RTMANAGER_INTERNAL_HTTP_TOKEN_FILE: '/t' };
      expect(reasonOf(both, 'RTMANAGER_INTERNAL_HTTP_TOKEN_FILE')).to.include('set only one');
    });

    it('of accepted hosts are names without port', () => {
      const hostsOf = (text: string) => parse({ RTMANAGER_INTERNAL_HTTP_HOSTS: text }).http.hosts;
      expect(hostsOf('RTM, rtm.internal,10.0.0.1,[::1]')).to.deep.equal([
        'rtm',
        'rtm.internal',
        '10.0.0.1',
        '[::1]',
      ]);
      for (const text of ['rtm:8096', 'http://rtm', 'a b', '*', 'rtm,,x', '::1', 'u@rtm']) {
        reasonOf({ RTMANAGER_INTERNAL_HTTP_HOSTS: text });
      }
    });

    it('of Docker beyond loopback need TLS, unless plain TCP is allowed', () => {
      for (const host of ['tcp://192.0.2.1:2375', 'tcp://docker', 'tcp://[2001:db8::1]:2375']) {
        const env = { RTMANAGER_DOCKER_HOST: host };
        expect(reasonOf(env, 'RTMANAGER_DOCKER_HOST')).to.include('without TLS');
        parse({ ...env, RTMANAGER_DOCKER_ALLOW_PLAIN_TCP: 'true' });
        parse({ ...env, RTMANAGER_DOCKER_TLS_CA: '/ca' });
      }
    });

    it('do not ask for a token when the address itself is wrong', () => {
      reasonOf({ RTMANAGER_INTERNAL_HTTP_ADDR: 'nonsense' });
    });

    for (const text of [
      '8096',
      'localhost',
      'localhost:',
      'localhost:http',
      'localhost:65536',
      '::1:80',
      '::1',
      '[::1]',
      '[x]:1',
      'a b:1',
      '-a:1',
      'http://h:1',
      'h:1/x',
    ]) {
      it(`are not ${text}`, () => {
        reasonOf({ RTMANAGER_INTERNAL_HTTP_ADDR: text });
        reasonOf({ RTMANAGER_REDIS_MASTER_ADDR: text });
      });
    }

    it('of Redis need host and port', () => {
      expect(parse({ RTMANAGER_REDIS_MASTER_ADDR: '[::1]:6379' }).redis.addr).to.deep.equal({
        host: '::1',
        port: 6379,
      });
      expect(reasonOf({ RTMANAGER_REDIS_MASTER_ADDR: ':6379' })).to.equal('has no host');
      expect(reasonOf({ RTMANAGER_REDIS_MASTER_ADDR: 'redis:0' })).to.include('port 0');
      expect(reasonOf({ RTMANAGER_REDIS_MASTER_ADDR: 'redis://h:6379' })).to.include('is a URL');
    });

    it('of PostgreSQL are URLs', () => {
      for (const dsn of [
        'postgresql://h/db',
        'postgres://u:p%25@h:5432/db?sslmode=require',
        'postgres:///db?host=/run',
        'postgres://u:p@[::1]:5432/db',
        'postgres://u:p@/db?host=db.example&port=5433',
      ]) {
        expect(parse({ RTMANAGER_POSTGRES_PRIMARY_DSN: dsn }).postgres.dsn).to.equal(dsn);
      }
      for (const dsn of ['h/db', 'host=h', 'http://h/db', 'postgres://u:p%@h/db', 'postgres://h:port/db']) {
        reasonOf({ RTMANAGER_POSTGRES_PRIMARY_DSN: dsn });
      }
    });

    for (const [dsn, reason] of Object.entries({
      'postgres://a,b/db': 'names several hosts',
      'postgres://a:1,b:2/db': 'names several hosts',
      'postgres:///db?host=a,b': 'names several hosts',
      'postgres:///db?host=a&host=b': 'has host twice',
      'postgres://a/db?host=b': 'names its host twice',
      'postgres://u@h/db?user=v': 'names its user twice',
      'postgres://u:p@h/db?password=q': 'names its password twice',
      'postgres://h:1/db?port=2': 'names its port twice',
      'postgres://h:0/db': 'has a port outside 1 to 65535',
      'postgres://h/db?port=x': 'has a port outside 1 to 65535',
      'postgres://h/db/other': 'has more than one /',
      'postgres://h/db#x': 'has a #',
      'postgres://u?x=p@h/db': 'has a @ after a ?',
      'postgres://h/db?target_session_attrs=read-write': 'has the parameter target_session_attrs',
      'postgres://h/db?application_name=x': 'has the parameter application_name',
      'postgres://h/db?dbname=x': 'has the parameter dbname',
      'postgres://h/db?sslmode=prefer': 'has a sslmode other than',
      'postgres://h/db?sslrootcert=/ca': 'has sslrootcert, which is not supported',
      'postgres://h/db?user=%zz': 'has a % ',
    })) {
      it(`of PostgreSQL are not ${dsn}`, () => {
        expect(reasonOf({ RTMANAGER_POSTGRES_PRIMARY_DSN: dsn })).to.include(reason);
      });
    }

    it('of Lobby lose the slash at their end', () => {
      const baseUrl = (text: string): string =>
        parse({ RTMANAGER_LOBBY_INTERNAL_BASE_URL: text }).lobby.baseUrl;
      expect(baseUrl('http://lobby:8080/')).to.equal('http://lobby:8080');
      expect(baseUrl('https://lobby/a/b//')).to.equal('https://lobby/a/b');
      for (const url of [
        'lobby:8080',
        'ftp://lobby',
        'http://u@lobby',
        'http://lobby?x',
        'http://lobby/#',
        'http://',
      ]) {
        reasonOf({ RTMANAGER_LOBBY_INTERNAL_BASE_URL: url });
      }
    });

    it('of Docker are sockets or hosts', () => {
      for (const host of [
        'unix:///run/docker.sock',
        'tcp://127.0.0.1:2375',
        'tcp://localhost',
        'tcp://[::1]:2376',
      ]) {
        expect(parse({ RTMANAGER_DOCKER_HOST: host }).docker.host).to.equal(host);
      }
      for (const host of [
        '/run/docker.sock',
        'unix://run/docker.sock',
        'unix:///',
        'tcp://',
        'tcp://h/x',
        'ssh://h',
        'tcp://h:x',
      ]) {
        reasonOf({ RTMANAGER_DOCKER_HOST: host });
      }
    });
  });

  describe('TLS', () => {
    it('of HTTP takes certificate and key together, and a client CA only beside them', () => {
      const cert = { RTMANAGER_INTERNAL_HTTP_TLS_CERT: '/c' };
      const key = { RTMANAGER_INTERNAL_HTTP_TLS_KEY: '/k' };
      const clientCa = { RTMANAGER_INTERNAL_HTTP_TLS_CLIENT_CA: '/ca' };
      expect(parse({ ...cert, ...key, ...clientCa }).http).to.include({
        tlsCertFile: '/c',
        tlsKeyFile: '/k',
        tlsClientCaFile: '/ca',
      });
      expect(reasonOf(cert, 'RTMANAGER_INTERNAL_HTTP_TLS_KEY')).to.include('is required, because');
      expect(reasonOf(key, 'RTMANAGER_INTERNAL_HTTP_TLS_CERT')).to.include('is required, because');
      expect(reasonOf(clientCa, 'RTMANAGER_INTERNAL_HTTP_TLS_CERT')).to.include('TLS_CLIENT_CA is set');
    });

    it('of Docker goes only with tcp://', () => {
      const tls = {
        RTMANAGER_DOCKER_TLS_CA: '/ca',
        RTMANAGER_DOCKER_TLS_CERT: '/c',
        RTMANAGER_DOCKER_TLS_KEY: '/k',
      };
      const tcp = { RTMANAGER_DOCKER_HOST: 'tcp://h:2376' };
      expect(parse({ ...tcp, ...tls }).docker).to.include({
        tlsCaFile: '/ca',
        tlsCertFile: '/c',
        tlsKeyFile: '/k',
      });
      parse({ ...tcp, RTMANAGER_DOCKER_TLS_CA: '/ca' });
      expect(errorOf(tls).problems).to.have.length(3);
      reasonOf({ ...tcp, RTMANAGER_DOCKER_TLS_CERT: '/c' }, 'RTMANAGER_DOCKER_TLS_KEY');
    });
  });

  describe('files', () => {
    it('are looked up with the function that is given', () => {
      const asked: string[] = [];
      const fileReadable = (path: string): boolean => {
        asked.push(path);
        return false;
      };
      const env = { ...MINIMAL, RTMANAGER_DOCKER_REGISTRY_AUTH_FILE: '/auth.json' };
      const error = catchConfigError(() => parseConfig(env, { fileReadable }));
      expect(error.problems[0]?.reason).to.equal('is not a readable file');
      expect(asked).to.deep.equal(['/auth.json']);
    });

    it('are looked up on disk otherwise, where a directory does not count', () => {
      const directory = mkdtempSync(join(tmpdir(), 'rtm-config-'));
      try {
        const file = join(directory, 'config.json');
        const env = { ...MINIMAL, RTMANAGER_DOCKER_REGISTRY_AUTH_FILE: file };
        expect(() => parseConfig(env)).to.throw(ConfigError, 'is not a readable file');
        writeFileSync(file, '{}');
        expect(parseConfig(env).docker.registryAuthFile).to.equal(file);
        expect(() => parseConfig({ ...env, RTMANAGER_DOCKER_REGISTRY_AUTH_FILE: directory })).to.throw(
          ConfigError,
        );
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  });

  describe('paths and modes', () => {
    it('are absolute and normalised', () => {
      expect(parse({ RTMANAGER_GAME_STATE_ROOT: '/srv/games/' }).gameState.root).to.equal('/srv/games');
      for (const path of ['srv', './srv', '/srv/../etc', '/srv//games', '/srv/./games', '/', '//']) {
        reasonOf({ RTMANAGER_GAME_STATE_ROOT: path });
        reasonOf({ RTMANAGER_ENGINE_STATE_MOUNT_PATH: path });
      }
    });

    it('are octal and leave the owner in', () => {
      const modeOf = (text: string): number =>
        parse({ RTMANAGER_GAME_STATE_DIR_MODE: text }).gameState.dirMode;
      expect([modeOf('0700'), modeOf('750'), modeOf('2770')]).to.deep.equal([0o700, 0o750, 0o2770]);
      for (const text of ['0o750', '70', '07500', '0789', '0050', '0600', 'rwx']) {
        reasonOf({ RTMANAGER_GAME_STATE_DIR_MODE: text });
      }
    });
  });

  describe('numbers', () => {
    const limits: [variable: string, least: string, below: string, most?: string, above?: string][] = [
      ['RTMANAGER_POSTGRES_MAX_CONNECTIONS', '7', '6', '1000', '1001'],
      ['RTMANAGER_GAME_LEASE_TTL_SECONDS', '2', '1', '3600', '3601'],
      ['RTMANAGER_LIFECYCLE_QUEUES', '1', '0', '64', '65'],
      ['RTMANAGER_LIFECYCLE_CONCURRENCY', '1', '0', '1024', '1025'],
      ['RTMANAGER_DOCKER_PARALLEL_STARTS', '1', '0', '64', '65'],
      ['RTMANAGER_DOCKER_PARALLEL_PULLS', '1', '0', '64', '65'],
      ['RTMANAGER_PROBE_FAILURES_THRESHOLD', '1', '0'],
      ['RTMANAGER_STREAM_MAX_LEN', '1', '0'],
      ['RTMANAGER_REDIS_DB', '0', '-1'],
      ['RTMANAGER_CONTAINER_STOP_TIMEOUT_SECONDS', '0', '-1', '3600', '3601'],
      ['RTMANAGER_CONTAINER_RETENTION_DAYS', '0', '-1', '36500', '36501'],
      ['RTMANAGER_OPERATION_LOG_RETENTION_DAYS', '1', '0', '36500', '36501'],
      ['RTMANAGER_GAME_STATE_OWNER_UID', '0', '-1', '4294967294', '4294967295'],
      ['RTMANAGER_RECONCILE_MAX_DISPOSE_SHARE', '0', '-0.1', '1', '1.1'],
      ['RTMANAGER_DEFAULT_CPU_QUOTA', '0.01', '0.009'],
      ['RTMANAGER_DEFAULT_MEMORY', '6m', '5m'],
      ['RTMANAGER_DEFAULT_PIDS_LIMIT', '1', '0', '4096', '4097'],
      ['RTMANAGER_STREAM_BLOCK_TIMEOUT', '1ms', '0', '596h', '597h'],
      ['RTMANAGER_DOCKER_RETRY_WINDOW', '0s', '-1s', '596h', '597h'],
    ];
    for (const [ceiling, below, limit] of [
      ['RTMANAGER_MAX_PIDS_LIMIT', '511', 'RTMANAGER_DEFAULT_PIDS_LIMIT'],
      ['RTMANAGER_MAX_MEMORY', '511m', 'RTMANAGER_DEFAULT_MEMORY'],
      ['RTMANAGER_MAX_CPU_QUOTA', '0.99', 'RTMANAGER_DEFAULT_CPU_QUOTA'],
    ] as const) {
      it(`keep ${limit} at or below ${ceiling}`, () => {
        expect(() => parse({ [ceiling]: below })).to.throw(`${limit} is more than ${ceiling}`);
      });
    }
    for (const [variable, least, below, most, above] of limits) {
      it(`keep to the limits of ${variable}`, () => {
        parse({ [variable]: least });
        reasonOf({ [variable]: below });
        if (most !== undefined) parse({ [variable]: most });
        if (above !== undefined) reasonOf({ [variable]: above });
      });
    }

    it('give the reason of a limit', () => {
      expect(reasonOf({ RTMANAGER_POSTGRES_MAX_CONNECTIONS: '6' })).to.match(/^is less than 7: the pump /);
      expect(reasonOf({ RTMANAGER_PROBE_INTERVAL: '600h' })).to.match(/^is more than 596h30m: no timer /);
    });

    it('are digits only', () => {
      for (const text of ['1.0', '1e3', '0x10', ' 7', '+7', '99999999999999999999']) {
        reasonOf({ RTMANAGER_REDIS_DB: text });
      }
    });

    it('become milliseconds', () => {
      const config = parse({
        RTMANAGER_GAME_LEASE_TTL_SECONDS: '2',
        RTMANAGER_CONTAINER_STOP_TIMEOUT_SECONDS: '0',
        RTMANAGER_CONTAINER_RETENTION_DAYS: '1',
        RTMANAGER_PROBE_INTERVAL: '1h30m',
      });
      expect(config.lifecycle.leaseTtlMs).to.equal(2_000);
      expect(config.container.stopTimeoutMs).to.equal(0);
      expect(config.cleanup.containerRetentionMs).to.equal(86_400_000);
      expect(config.probe.intervalMs).to.equal(5_400_000);
    });
  });

  describe('what goes to Docker', () => {
    it('are log options', () => {
      const options = (text: string): unknown => parse({ RTMANAGER_DOCKER_LOG_OPTS: text }).docker.logOpts;
      expect(options('max-size=10m,tag={{.Name}}=x')).to.deep.equal({
        'max-size': '10m',
        tag: '{{.Name}}=x',
      });
      expect(options('__proto__=x')).to.have.own.property('__proto__', 'x');
      for (const text of ['max-size', 'max-size=', '=1', 'a=1,', 'a=1,a=2', 'a b=1']) {
        reasonOf({ RTMANAGER_DOCKER_LOG_OPTS: text });
      }
    });

    it('are no default log options with a driver that would refuse them', () => {
      const options = (env: Env): unknown => parse(env).docker.logOpts;
      expect(options({ RTMANAGER_DOCKER_LOG_DRIVER: 'local' })).to.deep.equal({
        'max-size': '1m',
        'max-file': '3',
      });
      expect(options({ RTMANAGER_DOCKER_LOG_DRIVER: 'journald' })).to.deep.equal({});
      expect(
        options({ RTMANAGER_DOCKER_LOG_DRIVER: 'journald', RTMANAGER_DOCKER_LOG_OPTS: 'tag=x' }),
      ).to.deep.equal({ tag: 'x' });
    });

    it('are capabilities', () => {
      const capAdd = (text: string): unknown => parse({ RTMANAGER_CONTAINER_CAP_ADD: text }).container.capAdd;
      expect(capAdd('chown, CAP_NET_BIND_SERVICE,CHOWN')).to.deep.equal(['CHOWN', 'NET_BIND_SERVICE']);
      expect(reasonOf({ RTMANAGER_CONTAINER_CAP_ADD: 'ALL' })).to.include('undo the hardening');
      for (const text of ['CHOWN,', 'SYS_ADMN', 'CAP_']) reasonOf({ RTMANAGER_CONTAINER_CAP_ADD: text });
    });

    it('are a user-defined network and a runtime', () => {
      for (const name of ['bridge', 'host', 'none', 'default', '-x', 'a b'])
        reasonOf({ RTMANAGER_DOCKER_NETWORK: name });
      expect(parse({ RTMANAGER_CONTAINER_RUNTIME: 'io.containerd.runsc.v1' }).container.runtime).to.equal(
        'io.containerd.runsc.v1',
      );
      reasonOf({ RTMANAGER_CONTAINER_RUNTIME: '/bin/sh -c' });
    });

    it('are repository globs', () => {
      const globs = (text: string): unknown => parse({ RTMANAGER_IMAGE_ALLOWLIST: text }).image.allowlist;
      expect(globs('galaxy/*, ghcr.io/galaxy/**,localhost:5000/x,[::1]:5000/y')).to.deep.equal([
        'galaxy/*',
        'ghcr.io/galaxy/**',
        'localhost:5000/x',
        '[::1]:5000/y',
      ]);
      for (const text of [
        'a,,b',
        'galaxy/engine:1',
        'h:5000/x:1',
        'x@sha256:00',
        '/x',
        'x/',
        'a//b',
        'a b',
        'a?',
      ]) {
        reasonOf({ RTMANAGER_IMAGE_ALLOWLIST: text });
      }
    });
  });

  describe('streams', () => {
    it('must differ from each other', () => {
      const { problems } = errorOf({
        RTMANAGER_REDIS_STOP_JOBS_STREAM: 'runtime:start_jobs',
        RTMANAGER_NOTIFICATION_INTENTS_STREAM: 'runtime:job_results',
      });
      expect(problems.map(({ variable, reason }) => [variable, reason])).to.deep.equal([
        ['RTMANAGER_REDIS_STOP_JOBS_STREAM', 'is the same stream as RTMANAGER_REDIS_START_JOBS_STREAM'],
        ['RTMANAGER_NOTIFICATION_INTENTS_STREAM', 'is the same stream as RTMANAGER_REDIS_JOB_RESULTS_STREAM'],
      ]);
    });

    it('have names without white space', () => {
      for (const name of ['a b', ' ', 'x'.repeat(513)]) reasonOf({ RTMANAGER_REDIS_START_JOBS_STREAM: name });
    });
  });
});

function catchConfigError(run: () => unknown): ConfigError {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('expected a ConfigError');
}
