import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestWorld } from '../helpers/rtm-env.ts';
import { type Replica, startReplica } from './replica.ts';

/** Where tests are in a hurry a replica that is measured has its defaults. */
const HASTENED = ['RTMANAGER_STREAM_BLOCK_TIMEOUT', 'RTMANAGER_GAME_LEASE_TTL_SECONDS'];

/** A replica in this world as it runs in earnest, beside a Lobby that answers. */
export async function startInEarnest(world: TestWorld): Promise<Replica> {
  await using stack = new AsyncDisposableStack();
  const lobby = createServer((_request, response) => response.end('{"status": "enrollment_open"}'));
  lobby.listen(0, '127.0.0.1');
  await once(lobby, 'listening');
  stack.defer(() => void lobby.close());
  const { port } = lobby.address() as AddressInfo;
  const variables = { ...world.variables({ RTMANAGER_LOBBY_INTERNAL_BASE_URL: `http://127.0.0.1:${port}` }) };
  for (const name of HASTENED) delete variables[name];
  const replica = stack.use(await startReplica(variables));
  const opened = stack.move();
  return { ...replica, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
