import { createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { containersOf } from '../helpers/containers.ts';
import { GAME_IMAGE } from '../helpers/docker.ts';
import { type DockerProxy, isCreate, makeDockerProxy } from '../helpers/docker-proxy.ts';
import { eventually } from '../helpers/eventually.ts';
import { entriesOf } from '../helpers/failed-start.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { STREAMS } from '../helpers/lobby.ts';
import { type Replica, spawnReplica, startReplica } from '../helpers/replica.ts';

describe('main.ts as a process', () => {
  let flow: Flow;
  let docker: DockerProxy;
  const replicas: Replica[] = [];

  before(async () => {
    flow = await makeFlow();
    docker = await makeDockerProxy();
  });
  afterEach(async () => {
    docker.onCall = docker.onAnswer = undefined;
    await Promise.all(replicas.splice(0).map((replica) => replica.end('SIGKILL')));
  });
  after(async () => {
    await docker?.destroy();
    await flow?.destroy();
  });

  const started = async (overrides: Readonly<Record<string, string>>): Promise<Replica> => {
    const replica = await startReplica(flow.world.variables(overrides));
    replicas.push(replica);
    return replica;
  };

  describe('with a configuration that can not work', () => {
    let server: Server;
    let connections: number;
    let port: number;
    before(async () => {
      connections = 0;
      server = createServer((socket: Socket) => {
        connections += 1;
        socket.destroy();
      });
      const { promise, resolve } = Promise.withResolvers<void>();
      server.listen(0, '127.0.0.1', resolve);
      await promise;
      const address = server.address();
      port = typeof address === 'object' && address ? address.port : 0;
    });
    after(() => server.close());

    it('exits with 1, lists every problem at once on stderr, shows no secret and opens nothing', async () => {
      const replica = spawnReplica({
        RTMANAGER_POSTGRES_PRIMARY_DSN: `postgres://rtm:sesame@127.0.0.1:${port}/rtm`,
        RTMANAGER_REDIS_MASTER_ADDR: `127.0.0.1:${port}`,
        RTMANAGER_DOCKER_HOST: `tcp://127.0.0.1:${port}`,
        RTMANAGER_INTERNAL_HTTP_ADDR: ':0',
        RTMANAGER_GAME_STATE_ROOT: 'relative/path',
        RTMANAGER_DEFAULT_MEMORY: 'plenty',
        RTMANAGER_IMAGE_PULL_POLICY: 'sometimes',
        RTMANAGER_GAME_LEASE_SECONDS: '5',
      });
      replicas.push(replica);
      expect(await replica.exited).to.include({ code: 1, signal: null });
      for (const variable of [
        'RTMANAGER_INTERNAL_HTTP_TOKEN',
        'RTMANAGER_GAME_STATE_ROOT',
        'RTMANAGER_DEFAULT_MEMORY',
        'RTMANAGER_IMAGE_PULL_POLICY',
        'RTMANAGER_LOBBY_INTERNAL_BASE_URL',
        'RTMANAGER_GAME_LEASE_SECONDS',
      ]) {
        expect(replica.stderr).to.include(variable);
      }
      expect(replica.stderr).to.include('plenty').and.not.to.include('sesame');
      expect(replica.lines).to.deep.equal([]);
      expect(connections).to.equal(0);
    });
  });

  it('SIGTERM lets a start in flight end: it is answered, and the exit status is 0', async () => {
    const gameId = newGame();
    const replica = await started({ RTMANAGER_DOCKER_HOST: docker.host });
    const held = Promise.withResolvers<'pass'>();
    docker.onAnswer = (call) => (isCreate(call) ? held.promise : 'pass');
    const request = await flow.lobby.start(gameId, GAME_IMAGE);
    await eventually(async () => (await containersOf(gameId)).length === 1, { what: 'the create' });
    const end = replica.end('SIGTERM');
    await replica.logged('stopping');
    held.resolve('pass');
    expect(await end).to.include({ code: 0, signal: null });
    expect(replica.lines.at(-1)?.message).to.equal('stopped');
    expect((await flow.lobby.answerTo(request, 0)).fields).to.include({ outcome: 'success' });
    expect((await flow.rows.operations(gameId))[0]).to.include({ status: 'finished', attempt: 1 });
    expect(await entriesOf(flow, STREAMS.healthEvents, gameId)).to.have.length(1);
  });

  it('SIGTERM while an operation hangs: exit 0 within the timeout, and another replica ends it', async () => {
    const gameId = newGame();
    // A lease that no test waits for: what the other replica takes up was handed over.
    const variables = { RTMANAGER_GAME_LEASE_TTL_SECONDS: '600', RTMANAGER_SHUTDOWN_TIMEOUT: '1s' };
    const first = await started({ ...variables, RTMANAGER_DOCKER_HOST: docker.host });
    docker.onAnswer = (call) => (isCreate(call) ? 'hang' : 'pass');
    const request = await flow.lobby.start(gameId, GAME_IMAGE);
    await eventually(async () => (await containersOf(gameId)).length === 1, { what: 'the create' });
    await started(variables);
    const { code, tookMs } = await first.end('SIGTERM');
    expect(code).to.equal(0);
    expect(tookMs).to.be.within(1_000, 4_000);
    const { fields } = await flow.lobby.answerTo(request);
    expect(fields).to.include({ outcome: 'success', error_code: '' });
    expect((await containersOf(gameId)).map(({ Id }) => Id)).to.deep.equal([fields.container_id]);
    expect((await flow.rows.operations(gameId))[0]).to.include({ outcome: 'success', attempt: 2 });
  });

  it('SIGTERM while it still waits for PostgreSQL: exit 0 at once, nothing was begun', async () => {
    const replica = spawnReplica(
      flow.world.variables({ RTMANAGER_POSTGRES_PRIMARY_DSN: 'postgres://rtm@127.0.0.1:1/rtm' }),
    );
    replicas.push(replica);
    await replica.logged('PostgreSQL does not answer yet');
    const { code, tookMs } = await replica.end('SIGTERM');
    expect(code).to.equal(0);
    expect(tookMs).to.be.below(5_000);
  });
});
