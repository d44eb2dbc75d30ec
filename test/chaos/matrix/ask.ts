import { setTimeout as delay } from 'node:timers/promises';
import { exchange } from '../../helpers/http-exchange.ts';
import { makeLobby } from '../../helpers/lobby.ts';
import type { Asked } from '../invariants.ts';
import type { Lane } from './lane.ts';
import { type Request, requestFor } from './stories.ts';

const AGAIN_MS = 100;
const PATIENCE_MS = 30_000;

/**
 * Asks as Lobby or Game Master does, who try again with the same key when nobody answers. Resolves when the request is
 * in the stream or accepted; returns the entry, where there is one.
 */
export async function ask(
  lane: Lane,
  gameId: string,
  given: Request,
  key: string,
): Promise<readonly Asked[]> {
  const request = requestFor(given, gameId, lane.docker);
  if (request.by === 'stream') {
    const lobby = makeLobby({ client: lane.redis });
    const entryId =
      request.kind === 'start' ? await lobby.start(gameId, request.imageRef) : await lobby.stop(gameId);
    return [{ gameId, kind: request.kind, entryId }];
  }
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const { url } = lane.victim;
    const answer = await exchange(
      url || 'http://127.0.0.1:1',
      `/api/v1/internal/runtimes/${gameId}/${request.path}`,
      {
        method: request.method,
        headers: { Prefer: 'respond-async', 'Idempotency-Key': key },
        ...(request.body ? { body: request.body } : {}),
      },
    ).catch(() => undefined);
    if (answer && answer.status < 500) return [];
    if (performance.now() > deadline) throw new Error(`nobody took ${request.path} of ${gameId}`);
    await delay(AGAIN_MS);
  }
}
