import { expect } from 'chai';
import { containersOf } from '../helpers/containers.ts';
import { GAME_IMAGE } from '../helpers/docker.ts';
import { type DockerProxy, isCreate, makeDockerProxy } from '../helpers/docker-proxy.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { type Exit, type Replica, spawnReplica, startReplica } from '../helpers/replica.ts';
import type { RtmVariables } from '../helpers/rtm-env.ts';

/** Nothing in RTM does this; so it is done to it from outside, on a signal. */
const FAILURES = {
  'a promise that nobody looks after is rejected': 'Promise.reject(new Error("out of the blue"))',
  'something throws where nobody catches': 'throw new Error("out of the blue")',
};

/** Lets the process do this on SIGUSR2. */
const onSignal = (code: string): RtmVariables => ({
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(`process.on("SIGUSR2", () => { ${code} })`)}`,
});

describe('a failure that nobody expects, in main.ts as a process', () => {
  let flow: Flow;
  let docker: DockerProxy;
  const replicas: Replica[] = [];

  before(async () => {
    flow = await makeFlow();
    docker = await makeDockerProxy();
  });
  afterEach(async () => {
    docker.onAnswer = undefined;
    await Promise.all(replicas.splice(0).map((replica) => replica.end('SIGKILL')));
  });
  after(async () => {
    await docker?.destroy();
    await flow?.destroy();
  });

  const started = async (code: string, overrides: RtmVariables = {}): Promise<Replica> => {
    const variables = { RTMANAGER_DOCKER_HOST: docker.host, ...onSignal(code), ...overrides };
    const replica = await startReplica(flow.world.variables(variables));
    replicas.push(replica);
    return replica;
  };
  const unexpected = ({ lines }: Replica) =>
    lines.filter(({ message }) => String(message).startsWith('unexpected failure'));

  for (const [what, code] of Object.entries(FAILURES)) {
    it(`${what}: told as an error and counted, what is under way ends, exit 1`, async () => {
      const gameId = newGame();
      const replica = await started(code);
      const held = Promise.withResolvers<'pass'>();
      docker.onAnswer = (call) => (isCreate(call) ? held.promise : 'pass');
      const request = await flow.lobby.start(gameId, GAME_IMAGE);
      await eventually(async () => (await containersOf(gameId)).length === 1, { what: 'the create' });
      const ends = [replica.end('SIGUSR2')];
      await replica.logged('unexpected failure');
      ends.push(replica.end('SIGUSR2'));
      await eventually(() => unexpected(replica).length === 2, { what: 'the second failure' });
      held.resolve('pass');
      for (const end of ends) expect(await end).to.include({ code: 1, signal: null });

      expect(unexpected(replica).map(({ level, count }) => [level, count])).to.deep.equal([
        ['error', 1],
        ['error', 2],
      ]);
      expect(JSON.stringify(unexpected(replica)[0])).to.include('out of the blue');
      expect(replica.lines.at(-1)?.message).to.equal('stopped');
      expect((await flow.lobby.answerTo(request, 0)).fields).to.include({ outcome: 'success' });
      expect((await flow.rows.operations(gameId))[0]).to.include({ status: 'finished', attempt: 1 });
    });
  }

  it('while an operation hangs: it is handed over, and the process ends within its bound', async () => {
    const gameId = newGame();
    const replica = await started('throw new Error("out of the blue")', {
      RTMANAGER_GAME_LEASE_TTL_SECONDS: '600',
      RTMANAGER_SHUTDOWN_TIMEOUT: '1s',
    });
    docker.onAnswer = (call) => (isCreate(call) ? 'hang' : 'pass');
    await flow.lobby.start(gameId, GAME_IMAGE);
    await eventually(async () => (await containersOf(gameId)).length === 1, { what: 'the create' });
    const { code, tookMs } = await replica.end('SIGUSR2');
    expect(code).to.equal(1);
    expect(tookMs).to.be.within(1_000, 4_000);
    expect((await flow.rows.operations(gameId))[0]).to.include({ status: 'queued', attempt: 1 });
  });

  it('after SIGTERM: the exit status is still 1', async () => {
    const replica = await started('throw new Error("out of the blue")', { RTMANAGER_SHUTDOWN_TIMEOUT: '2s' });
    docker.onAnswer = (call) => (isCreate(call) ? 'hang' : 'pass');
    const gameId = newGame();
    await flow.lobby.start(gameId, GAME_IMAGE);
    await eventually(async () => (await containersOf(gameId)).length === 1, { what: 'the create' });
    const ends: Promise<Exit>[] = [replica.end('SIGTERM')];
    await replica.logged('stopping');
    ends.push(replica.end('SIGUSR2'));
    for (const end of ends) expect(await end).to.include({ code: 1, signal: null });
  });

  it('before it is up: exit 1, nothing was begun', async () => {
    const replica = spawnReplica(
      flow.world.variables({
        ...onSignal('throw new Error("out of the blue")'),
        RTMANAGER_POSTGRES_PRIMARY_DSN: 'postgres://rtm@127.0.0.1:1/rtm',
      }),
    );
    replicas.push(replica);
    await replica.logged('PostgreSQL does not answer yet');
    const { code, tookMs } = await replica.end('SIGUSR2');
    expect(code).to.equal(1);
    expect(tookMs).to.be.below(5_000);
  });
});
