// A Docker daemon with a fleet in it, apart from the process that is measured; see reconcile.ts.
import { makeFakeDockerApi } from '../helpers/fake-docker-api.ts';
import { type Fleet, inspectionOf, listOf } from './fleet.ts';

const api = await makeFakeDockerApi();
let fleet: Fleet = { games: 0, drifted: 0 };
let list = '';

api.route('GET /info', () => ({
  status: 200,
  body: { ID: 'THE:DAEMON', SystemTime: new Date().toISOString() },
}));
api.route('GET /containers/json', () => ({ status: 200, body: list }));
api.route('GET /containers/:id/json', ({ params: [id = ''] }) => {
  const found = inspectionOf(fleet, id);
  return found ? { status: 200, body: found } : { status: 404, body: { message: 'No such container' } };
});

/** What the daemon is told: a fleet to have, or to say how many requests it got since. */
export type DaemonOrder = Fleet | 'count';
export interface DaemonAnswer {
  readonly host: string;
  readonly listBytes: number;
  readonly requests: number;
}

let counted = 0;
process.on('message', (order: DaemonOrder) => {
  if (order !== 'count') {
    fleet = order;
    list = listOf(fleet);
  }
  const requests = api.requests.length - counted;
  counted = api.requests.length;
  process.send?.({ host: api.host, listBytes: list.length, requests } satisfies DaemonAnswer);
});
process.on('SIGTERM', () => void api.close().then(() => process.exit(0)));
