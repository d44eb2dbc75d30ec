import { performance } from 'node:perf_hooks';
import { parseGameId } from '../../lib/game-id.ts';
import { containerName } from '../../lib/game-names.ts';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';
import { STREAMS } from '../helpers/lobby.ts';
import type { TestRedis } from '../helpers/redis.ts';

/** Starts games one at a time and looks at the clock. */
export interface Starter {
  /**
   * Starts the game with an image that is present and removes its container again.
   *
   * @returns milliseconds from XADD of the job to its result in the stream, as the Lobby sees it
   * @throws when the start fails
   */
  start(gameId: string): Promise<number>;
}

export function makeStarter({ client }: TestRedis): Starter {
  let lastId = '0-0';

  async function nextResult(entryId: string): Promise<readonly string[]> {
    for (;;) {
      const answer = await client.xread('BLOCK', 30_000, 'STREAMS', STREAMS.jobResults, lastId);
      const results = answer?.[0]?.[1];
      if (!results) throw new Error(`no result within 30 s of ${entryId}`);
      lastId = results.at(-1)?.[0] ?? lastId;
      const own = results.find(([, fields]) => fields.includes(entryId));
      if (own) return own[1];
    }
  }

  return {
    async start(gameId) {
      const startedMs = performance.now();
      const job = { game_id: gameId, image_ref: GAME_IMAGE, requested_at_ms: String(Date.now()) };
      const entryId = await client.xadd(STREAMS.startJobs, '*', ...Object.entries(job).flat());
      const fields = await nextResult(String(entryId));
      const tookMs = performance.now() - startedMs;
      if (!fields.includes('success')) throw new Error(`start of ${gameId} failed: ${fields}`);
      await docker.getContainer(containerName(parseGameId(gameId))).remove({ force: true });
      return tookMs;
    },
  };
}
