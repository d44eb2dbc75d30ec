import { expect } from 'chai';
import fc, { type Arbitrary } from 'fast-check';
import { z } from 'zod';
import { type DockerConnection, makeDockerConnection } from '../../lib/docker/connection.ts';
import { openContainerEvents, UNREADABLE } from '../../lib/docker/container-events.ts';
import { findAddress } from '../../lib/docker/find-address.ts';
import { hasNetwork } from '../../lib/docker/find-network.ts';
import { inspectContainer } from '../../lib/docker/inspect-container.ts';
import { inspectImage } from '../../lib/docker/inspect-image.ts';
import { GAME_LABEL, OWNER_LABEL } from '../../lib/docker/labels.ts';
import { listAddresses } from '../../lib/docker/list-addresses.ts';
import { listOwnedContainers } from '../../lib/docker/list-containers.ts';
import { readDaemon } from '../../lib/docker/read-daemon.ts';
import { RuntimeError } from '../../lib/errors.ts';
import { type Answer, type FakeDockerApi, makeFakeDockerApi } from '../helpers/fake-docker-api.ts';
import { answer, stream } from '../helpers/fake-docker-scripts.ts';
import { type FakeDockerWorld, makeFakeDockerWorld } from '../helpers/fake-docker-world.ts';
import { toldEvent } from '../helpers/told-event.ts';

const RUNS = 60;
const NETWORK = 'galaxy';
const IMAGE = 'galaxy/engine:1.0.0';
const signal = new AbortController().signal;

const texts = z.record(z.string(), z.string());
const container = z.object({
  id: z.string().min(1),
  name: z.string(),
  running: z.boolean(),
  state: z.string(),
  labels: texts,
  networks: z.array(z.string()),
});
const inspected = container.extend({
  exitCode: z.number(),
  startedAt: z.string().nullable(),
  finishedAt: z.string().nullable(),
  restartCount: z.number(),
  health: z.string(),
  tty: z.boolean(),
  image: z.string(),
  oomKilled: z.boolean(),
  imageId: z.string(),
});

interface Look {
  readonly route: string;
  readonly ask: (connection: DockerConnection, id: string) => Promise<unknown>;
  /** What the rest of RTM takes for granted. */
  readonly promised: z.ZodType;
}

const LOOKS: Readonly<Record<string, Look>> = {
  'a list of containers': {
    route: 'GET /containers/json',
    ask: (connection) => listOwnedContainers(connection, signal),
    promised: z.array(container),
  },
  'an inspection': {
    route: 'GET /containers/:id/json',
    ask: (connection, id) => inspectContainer(connection, id, signal),
    promised: inspected.nullable(),
  },
  'an address': {
    route: 'GET /containers/:id/json',
    ask: (connection, id) => findAddress(connection, { containerId: id, network: NETWORK }, signal),
    promised: z.string().min(1).nullable(),
  },
  'all addresses': {
    route: 'GET /networks/:name',
    ask: (connection) => listAddresses(connection, NETWORK, signal),
    promised: z.map(z.string(), z.string().min(1)),
  },
  'a network': {
    route: 'GET /networks',
    ask: (connection) => hasNetwork(connection, NETWORK, signal),
    promised: z.boolean(),
  },
  'an image': {
    route: 'GET /images/:name*/json',
    ask: (connection) => inspectImage(connection, IMAGE, signal),
    promised: z.object({ id: z.string().min(1), labels: texts }).nullable(),
  },
  'the daemon': {
    route: 'GET /info',
    ask: (connection) => readDaemon(connection, signal),
    promised: z.object({ id: z.string().min(1), now: z.string().min(1) }),
  },
};

/** One part of a JSON value, chosen by `pick`, is another one; undefined takes it away. */
function mutated(value: unknown, pick: number, other: unknown): unknown {
  const copy: Record<string, unknown> = structuredClone({ value });
  const places: [holder: Record<string, unknown>, key: string][] = [];
  const walk = (holder: Record<string, unknown>): void => {
    for (const [key, part] of Object.entries(holder)) {
      places.push([holder, key]);
      if (typeof part === 'object' && part !== null) walk(part as Record<string, unknown>);
    }
  };
  walk(copy);
  const [holder, key] = places[pick % places.length] ?? [copy, 'value'];
  if (other === undefined) delete holder[key];
  else holder[key] = other;
  return copy.value;
}

const anyJson: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(undefined, null, 0, -1, 1e300, '', 'running', true, [], {}, [null], { a: null }),
  fc.jsonValue({ maxDepth: 2 }),
);

describe('a daemon that answers with anything at all', () => {
  let api: FakeDockerApi;
  let world: FakeDockerWorld;
  let connection: DockerConnection;
  let id: string;

  before(async () => {
    api = await makeFakeDockerApi();
    world = makeFakeDockerWorld(api, NETWORK);
    world.images.set(IMAGE, { id: 'sha256:1', labels: { a: 'b' } });
    const labels = { [OWNER_LABEL]: 'rtmanager', [GAME_LABEL]: 'game-1' };
    ({ id } = world.put({ name: 'galaxy-game-game-1', labels, health: 'healthy' }));
    connection = makeDockerConnection({ host: api.host });
  });
  after(() => api.close());

  for (const [what, { route, ask, promised }] of Object.entries(LOOKS)) {
    /** Asks once more, and gets this. */
    const told = async (body: unknown): Promise<void> => {
      api.script(route, answer(200, body));
      try {
        promised.parse(await ask(connection, id));
      } catch (error) {
        if (!(error instanceof RuntimeError)) throw error;
        expect(error.code).to.equal('docker_unavailable');
      }
    };
    const well = async (): Promise<unknown> => {
      let sent: Answer = { status: 0 };
      api.script(route, (exchange) => {
        sent = exchange.act();
        exchange.send(sent);
      });
      await ask(connection, id);
      return sent.body;
    };

    it(`is understood, or is docker_unavailable: ${what}`, async () => {
      await fc.assert(
        fc.asyncProperty(anyJson, (body) => told(JSON.stringify(body) ?? '')),
        { numRuns: RUNS },
      );
    });

    it(`is understood, or is docker_unavailable, also where only a part is other than promised: ${what}`, async () => {
      const body = await well();
      await fc.assert(
        fc.asyncProperty(fc.nat(), anyJson, (pick, other) => told(mutated(body, pick, other))),
        { numRuns: RUNS },
      );
    });
  }

  it('is heard line by line: each event, whatever it is', async () => {
    const well = JSON.parse(toldEvent({ action: 'die', id: 'c1', atNanos: 7n }));
    const line = fc.oneof(
      fc.tuple(fc.nat(), anyJson).map(([pick, other]) => JSON.stringify(mutated(well, pick, other)) ?? ''),
      fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\r\n]/g, '')),
    );
    const read = z.union([
      z.literal(UNREADABLE),
      z.object({
        action: z.string(),
        // As a part of the name of a job, which may hold no colon.
        containerId: z.string().regex(/^[^:]+$/),
        gameId: z.string(),
        atNanos: z.bigint(),
      }),
    ]);
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 4 }), async (lines) => {
        api.script('GET /events', stream(...lines, JSON.stringify(well)));
        const heard: unknown[] = [];
        for await (const one of await openContainerEvents(connection, 0n, signal))
          heard.push(read.parse(one));
        expect(heard.at(-1)).to.include({ action: 'die', containerId: 'c1' });
      }),
      { numRuns: RUNS },
    );
  });
});
