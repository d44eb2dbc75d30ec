import { type FakeDockerApi, makeFakeDockerApi } from '../../helpers/fake-docker-api.ts';
import { makeProgress } from '../../helpers/fake-docker-scripts.ts';
import { type FakeDockerWorld, makeFakeDockerWorld } from '../../helpers/fake-docker-world.ts';
import { STREAMS } from '../../helpers/lobby.ts';
import { type Replica, startReplica } from '../../helpers/replica.ts';
import { makeRows, type Rows } from '../../helpers/rows.ts';
import { makeWorld, type TestWorld } from '../../helpers/rtm-env.ts';
import type { Violation } from '../invariants.ts';
import { PRESENT_IMAGES } from './job-entries.ts';
import { makeStreamTail, type StreamTail } from './stream-tail.ts';

/** A replica as a process, with real stores, a Docker that is always well, and a look at what it answers. */
export interface FuzzWorld {
  readonly world: TestWorld;
  readonly docker: FakeDockerWorld;
  readonly api: FakeDockerApi;
  readonly replica: Replica;
  readonly rows: Rows;
  /** By `start` or `stop` and the id of the entry that is answered. */
  readonly results: StreamTail;
  /** By `start` or `stop` and the id of the entry that was refused. */
  readonly letters: StreamTail;
  /** The next id of a job entry, of whichever stream: the order of arrival is the order of these. */
  nextId(): string;
  /** Throws when the replica has logged an error that it had not logged before. */
  assertQuiet(): void;
  /** Ends the replica as an operator would, and says what it did that nothing from outside may make it do. */
  complaints(): Promise<readonly Violation[]>;
  destroy(): Promise<void>;
}

/** Within a millisecond. */
const LARGEST_NUMBER = 2n ** 64n - 1n;
const KIND_OF: Readonly<Record<string, string>> = {
  [STREAMS.startJobs]: 'start',
  [STREAMS.stopJobs]: 'stop',
};

export async function makeFuzzWorld(): Promise<FuzzWorld> {
  await using stack = new AsyncDisposableStack();
  const world = stack.adopt(await makeWorld(), (one) => one.destroy());
  const api = stack.adopt(await makeFakeDockerApi(), (one) => one.close());
  const docker = makeFakeDockerWorld(api, world.network.name);
  for (const ref of PRESENT_IMAGES) docker.images.set(ref, { id: `sha256:${ref}` });
  api.always('GET /events', makeProgress().script);
  const rows = stack.adopt(await makeRows(world.database), (one) => one.close());
  const variables = world.variables({
    RTMANAGER_DOCKER_HOST: api.host,
    // No engine answers at the addresses of the fake daemon.
    RTMANAGER_PROBE_INTERVAL: '24h',
    RTMANAGER_RECONCILE_INTERVAL: '5s',
    RTMANAGER_GAME_LEASE_TTL_SECONDS: '60',
  });
  const replica = stack.adopt(await startReplica(variables), async (one) => void (await one.end('SIGKILL')));
  const { client } = world.redis;
  let lastMs = 0;
  let toldLines = 0;
  const opened = stack.move();
  return {
    world,
    docker,
    api,
    replica,
    rows,
    results: makeStreamTail(client, STREAMS.jobResults, (one) => `${one.op_kind} ${one.request_entry_id}`),
    letters: makeStreamTail(
      client,
      STREAMS.deadLetters,
      (one) => `${KIND_OF[one.source_stream ?? '']} ${one.source_entry_id}`,
    ),
    nextId() {
      lastMs += 1;
      return `${lastMs}-${lastMs % 7 === 0 ? LARGEST_NUMBER : 0}`;
    },
    assertQuiet() {
      const said = replica.lines.slice(toldLines).find(({ level }) => level === 'error');
      toldLines = replica.lines.length;
      if (said) throw new Error(`the replica logged an error: ${JSON.stringify(said).slice(0, 2_000)}`);
    },
    async complaints() {
      const { code, signal } = await replica.end('SIGTERM');
      const errors = replica.lines.slice(toldLines).filter(({ level }) => level === 'error');
      return [
        ...(code === 0 ? [] : [`the replica ended with ${signal ?? code}`]),
        ...(replica.stderr === '' ? [] : [`the replica wrote to stderr: ${replica.stderr.slice(0, 2_000)}`]),
        ...errors.map((line) => `the replica logged an error: ${JSON.stringify(line).slice(0, 2_000)}`),
      ].map((what) => ({ kind: 'answer', what }));
    },
    destroy: () => opened.disposeAsync(),
  };
}
