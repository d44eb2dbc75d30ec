import { setTimeout as delay } from 'node:timers/promises';
import {
  actThenDrop,
  actThenRefuse,
  cutOff,
  drop,
  hang,
  hangInside,
  heldUntil,
  pass,
  type Script,
  stream,
} from '../../helpers/fake-docker-scripts.ts';
import type { Fault } from './fault.ts';
import { type FaultWorld, IMAGE } from './fault-world.ts';

const CREATE = 'POST /containers/create';
const START = 'POST /containers/:id/start';
const STOP = 'POST /containers/:id/stop';
const REMOVE = 'DELETE /containers/:id';
const LIST = 'GET /containers/json';
const INSPECT = 'GET /containers/:id/json';
const IMAGE_INSPECT = 'GET /images/:name*/json';
const NETWORKS = 'GET /networks';
const PULL = 'POST /images/create';

const ACTS = [CREATE, START, STOP, REMOVE];
const LOOKS = [LIST, INSPECT, IMAGE_INSPECT, NETWORKS];

/** One of these in so many requests. */
const sometimes =
  (share: number, ...scripts: readonly Script[]): Script =>
  (exchange) => {
    const script = scripts[Math.floor((Math.random() / share) * scripts.length)] ?? pass();
    return script(exchange);
  };

const actThenBreakOff: Script = (exchange) => {
  exchange.act();
  return cutOff(201, '{"Id":"c0ff')(exchange);
};

/** Lets these requests go by the script while it lasts. */
const scripted =
  (routes: readonly string[], script: () => Script): Fault['strike'] =>
  async ({ api }) => {
    for (const route of routes) api.always(route, script());
    return async () => {
      for (const route of routes) api.always(route, pass());
    };
  };

export const dockerFaults: readonly Fault[] = [
  {
    what: 'Docker does a third of what it is asked and calls it an error, or is not heard',
    lastsMs: { short: 3_000, full: 10_000 },
    strike: scripted(ACTS, () =>
      sometimes(0.3, actThenRefuse(500, 'context canceled'), actThenDrop(), actThenBreakOff),
    ),
  },
  {
    what: 'a third of all calls end in a closed connection, also in the middle of the answer',
    lastsMs: { full: 10_000 },
    strike: scripted([...ACTS, ...LOOKS], () => sometimes(0.3, drop(), cutOff(200, '[{"Id":'))),
  },
  {
    what: 'a tenth of all lists and inspections never end',
    lastsMs: { full: 15_000 },
    strike: scripted(LOOKS, () => sometimes(0.1, hang(), hangInside(200, '[{"Id":'))),
  },
  {
    what: 'Docker lists no container at all',
    lastsMs: { full: 10_000 },
    strike: scripted(
      [LIST],
      () =>
        ({ send }) =>
          send({ status: 200, body: '[]' }),
    ),
  },
  {
    what: 'every stop takes longer than the lease',
    lastsMs: { full: 10_000 },
    strike: scripted([STOP], () => (exchange) => heldUntil(delay(3_000))(exchange)),
  },
  {
    what: 'images vanish, and pulls fail inside a 200, break off, or bring nonsense',
    lastsMs: { full: 10_000 },
    strike: spoilPulls,
  },
];

/** Somebody prunes all the time, and the registry is ill. */
async function spoilPulls(world: FaultWorld): Promise<() => Promise<unknown>> {
  const { api, docker } = world;
  const image = docker.images.get(IMAGE);
  if (!image) throw new Error(`the fake Docker has no ${IMAGE}`);
  docker.registry.set(IMAGE, image);
  const pruning = setInterval(() => docker.images.delete(IMAGE), 200);
  const failing: Script = ({ response }) => {
    response.writeHead(200);
    response.end('{"status":"Pulling fs layer"}\r\n{"error":"no space left on device"}\r\n');
  };
  // Comes to its end as a stream, and no image with it.
  const empty: Script = ({ response }) =>
    void response.writeHead(200).end('{"status":"Pulling fs layer"}\r\n');
  const scripts = [failing, empty, cutOff(200, '{"status":"Pull'), stream('<html>', '{"status":"Pull', '%')];
  api.always(PULL, sometimes(0.8, ...scripts));
  return async () => {
    clearInterval(pruning);
    api.always(PULL, pass());
    docker.images.set(IMAGE, image);
  };
}
