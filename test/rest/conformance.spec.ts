import { expect } from 'chai';
import type { DatabasePool } from 'slonik';
import { planReconciliation } from '../../handlers/reconcile-runtimes.ts';
import { listOperations, type Operation } from '../../lib/contracts.ts';
import { makeRoutes } from '../../openapi/routes.ts';
import { makeDeadLetters } from '../../queues/dead-letters.ts';
import { makeEntryDecoder } from '../../queues/decode-entry.ts';
import { makePool } from '../../sql/pool.ts';
import { swapRecord } from '../../sql/runtime-records.ts';
import { errorCode } from '../helpers/assert-contract.ts';
import { makeFakeDocker } from '../helpers/fake-docker.ts';
import { drop } from '../helpers/fake-docker-scripts.ts';
import type { HttpExchange } from '../helpers/http-exchange.ts';
import { makeLobby, STREAMS } from '../helpers/lobby.ts';
import { failing, makePlayedRunner, type PlayedRunner, succeeding } from '../helpers/played-runner.ts';
import { makeRecord } from '../helpers/records.ts';
import { makeRedis } from '../helpers/redis.ts';
import { makeRestService, type RestService } from '../helpers/rest-service.ts';
import { makeStore, type Store } from '../helpers/store.ts';
import { makePostgresProxy, type TcpProxy } from '../helpers/tcp-proxy.ts';
import { makeTestConfig } from '../helpers/test-config.ts';

const BODIES: Readonly<Record<string, object>> = {
  StartRequest: { image_ref: 'galaxy/game:1.4.2' },
  StopRequest: { reason: 'admin_request' },
  RestartRequest: {},
  PatchRequest: { image_ref: 'galaxy/game:1.4.3' },
  ReplayRequest: { fields: { image_ref: 'galaxy/game:1.4.2' } },
};
const GAME = 'game-7f3a';
const CONTAINER = '5d1c0b8f6a9e';
const TOKEN = 'correct-horse-battery-staple';
const AUTHORIZED = { authorization: `Bearer ${TOKEN}` };

const served = listOperations();
const isMutation = ({ method }: Operation): boolean => method !== 'get';

describe('the running service and openapi/rtmanager.yaml', () => {
  let store: Store;
  let proxy: TcpProxy & { readonly dsn: string };
  let runner: PlayedRunner;
  /** Whole; without its tables; without PostgreSQL and all else; without Docker. */
  let rest: RestService;
  let broken: RestService;
  let away: RestService;
  let noDocker: RestService;
  /** Of a start that lacks its image. */
  let letter: string;
  const stack = new AsyncDisposableStack();

  before(async function () {
    // The first suite of a run waits for PostgreSQL's container.
    this.timeout(60_000);
    const config = makeTestConfig();
    const { startJobs, stopJobs, deadLetters: stream } = config.streams;
    const redis = stack.adopt(await makeRedis(), (one) => one.release());
    letter = await makeLobby(redis).write(STREAMS.deadLetters, {
      source_stream: startJobs,
      source_entry_id: '7-0',
      error_code: 'invalid_request',
      error_message: 'field "image_ref" is missing',
      fields_json: '{"game_id":"game-7f3a","requested_at_ms":"1"}',
      rejected_at_ms: '2',
    });
    const decoder = makeEntryDecoder({ startJobs, stopJobs, now: Date.now });
    const jobStreams = [startJobs, stopJobs];
    const deadLetters = makeDeadLetters({ redis: redis.client, stream, jobStreams, decoder });
    const serve = async (options: Parameters<typeof makeRestService>[0] & { withoutDocker?: true }) => {
      const { api, docker, world } = stack.adopt(await makeFakeDocker(config), (one) => one.close());
      world.put({ id: CONTAINER, name: GAME });
      const asked = ['GET /info', 'GET /containers/:id/json', 'GET /containers/:id/stats'];
      if (options.withoutDocker) for (const route of asked) api.always(route, drop());
      const context = { docker, db: options.db, config, now: Date.now };
      const service = await makeRestService({
        token: TOKEN,
        docker,
        planReconciliation: (signal) => planReconciliation({ ...context, signal }),
        deadLetters,
        ...options,
      });
      return stack.adopt(service, (one) => one.close());
    };
    store = stack.adopt(await makeStore(), (one) => one.destroy());
    runner = makePlayedRunner(store);
    rest = await serve({ db: store.db, wake: runner.wake });
    noDocker = await serve({ db: store.db, withoutDocker: true });
    const fail = () => Promise.reject(new Error('of no kind that anybody knows'));
    broken = await serve({
      db: new Proxy({}, { get: () => fail }) as DatabasePool,
      scrape: () => Promise.reject(new Error('a metric could not be read')),
    });
    proxy = await makePostgresProxy(store.dsn);
    const noDb = stack.adopt(await makePool({ dsn: proxy.dsn, max: 2, name: 'test-away' }), (one) =>
      one.end(),
    );
    await proxy.close();
    away = await serve({ db: noDb, readiness: { postgres: () => Promise.reject(new Error('away')) } });
  });
  after(() => stack.disposeAsync());
  beforeEach(async () => {
    await store.clear();
    runner.end = (operation) => succeeding(store, operation);
  });

  type Sent = Parameters<RestService['ask']>[1] & { readonly at?: RestService; readonly ids?: Ids };
  type Ids = Readonly<Partial<Record<'game_id' | 'operation_id' | 'entry_id', string>>>;

  /** Asks as the contract wants to be asked, but for what is given. */
  const ask = (operation: Operation, { at = rest, ids, headers, ...sent }: Sent = {}) => {
    const { method, path, requestBody } = operation;
    const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: keyof Ids) =>
      String({ game_id: 'nobody', operation_id: 'nobody', entry_id: letter, ...ids }[name]),
    );
    return at.ask(filled, {
      method: method.toUpperCase(),
      headers: { ...AUTHORIZED, ...headers },
      ...(requestBody ? { body: BODIES[requestBody.schema] } : {}),
      ...sent,
    });
  };
  /** Asks for a game that runs. */
  const askWell = async (operation: Operation, sent: Sent = {}) => {
    const asked = { method: 'POST', headers: AUTHORIZED, body: BODIES.StartRequest };
    expect((await rest.runtimes(`/${GAME}/start`, asked)).status).to.equal(200);
    const [started] = await store.operations();
    await store.rows(`update rtmanager.runtime_records set current_container_id = '${CONTAINER}'`);
    const ids = { game_id: GAME, operation_id: String(started?.operation_id) };
    const endless = operation.operationId === 'internalStreamEvents';
    return ask(operation, { ids, ...(endless && { until: (text) => text.includes('id: ') }), ...sent });
  };
  /** Asks for a game that has stopped. */
  const askStopped = async (operation: Operation) => {
    const stopped = makeRecord({ gameId: GAME, status: 'stopped' });
    await swapRecord(store.db, { expected: null, next: stopped });
    return ask(operation, { ids: { game_id: GAME } });
  };
  /** Asks for something that ends with `code`. */
  const askFailing = (operation: Operation, code: string) => {
    runner.end = () => failing(code);
    return ask(operation);
  };

  /** How each status is come to, by its error code where one status has several reasons. */
  const WAYS: Readonly<Record<string, (operation: Operation) => Promise<HttpExchange>>> = {
    '200': askWell,
    '202': (operation) => ask(operation, { headers: { prefer: 'respond-async' } }),
    '400 invalid_request': (operation) => ask(operation, { headers: { 'x-galaxy-caller': 'nobody' } }),
    '401 unauthorized': (operation) => ask(operation, { headers: { authorization: 'Bearer wrong' } }),
    '404 not_found': (operation) =>
      isMutation(operation) ? askFailing(operation, 'not_found') : ask(operation),
    '409 conflict': (operation) =>
      isMutation(operation) ? askFailing(operation, 'conflict') : askStopped(operation),
    '405 invalid_request': (operation) => ask(operation, { method: 'PUT' }),
    '413 invalid_request': (operation) => ask(operation, { body: { image_ref: 'a'.repeat(1_000_000) } }),
    '415 invalid_request': (operation) =>
      ask(operation, { headers: { 'Content-Type': 'text/plain' }, body: 'a' }),
    '500 internal_error': (operation) => {
      const ids = { game_id: 'g', operation_id: '00000000-0000-4000-8000-000000000000' };
      return ask(operation, { at: broken, ids });
    },
    '503': (operation) => ask(operation, { at: away }),
    '503 docker_unavailable': (operation) =>
      isMutation(operation)
        ? askFailing(operation, 'docker_unavailable')
        : askWell(operation, { at: noDocker }),
    '503 service_unavailable': (operation) => {
      const ids = { game_id: 'g', operation_id: '00000000-0000-4000-8000-000000000000' };
      return ask(operation, { at: away, ids });
    },
  };
  const FROM_OPERATIONS = [
    'image_ref_not_semver',
    'semver_patch_only',
    'start_config_invalid',
    'internal_error',
    'image_pull_failed',
    'container_start_failed',
  ];

  for (const operation of served) {
    describe(`${operation.operationId} answers`, () => {
      for (const { status, errorCodes } of operation.responses) {
        for (const code of errorCodes.length > 0 ? errorCodes : ['']) {
          const what = `${status} ${code}`.trim();
          const fromOperation = isMutation(operation) && FROM_OPERATIONS.includes(code);
          const ways = [
            WAYS[what],
            ...(fromOperation ? [(one: Operation) => askFailing(one, code)] : []),
          ].filter((way) => way !== undefined);

          it(what, async () => {
            expect(ways, `nothing here comes to ${what}`).not.to.be.empty;
            for (const way of ways) {
              // Held against the contract on the way.
              const answer = await way(operation);
              expect([answer.status, errorCode(answer)]).to.deep.equal([status, code]);
            }
          });
        }
      }
    });
  }

  it('know every path by the letters that stand there, and by no others', async () => {
    for (const { path, method, operationId } of served) {
      const asked = path.replaceAll(/\{\w+\}/g, 'nobody');
      for (const other of [`${asked}/`, asked.toUpperCase(), `/${asked}`]) {
        const answer = await rest.ask(other, { method: method.toUpperCase(), headers: AUTHORIZED });
        expect([answer.status, errorCode(answer)], `${operationId} at ${other}`).to.deep.equal([
          404,
          'not_found',
        ]);
      }
    }
  });

  it('have the same operations', async () => {
    const routes = Object.keys(makeRoutes({} as never));
    const contract = listOperations().map(({ operationId }) => operationId);
    expect(routes.toSorted()).to.deep.equal(contract.toSorted());
  });
});
