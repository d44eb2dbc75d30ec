import { performance } from 'node:perf_hooks';
import { parseGameId } from '../../lib/game-id.ts';
import { containerName } from '../../lib/game-names.ts';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';
import { STREAMS } from '../helpers/lobby.ts';
import type { TestRedis } from '../helpers/redis.ts';

/**
 * Starts and stops games one at a time and looks at the clock: milliseconds from XADD of the job to its result in the
 * stream, as the Lobby sees it. Throws when an operation fails.
 */
export interface Starter {
  /** Starts the game with an image that is present and removes its container again. */
  start(gameId: string): Promise<number>;
  /** The same, but its container stays. */
  startToStay(gameId: string): Promise<number>;
  stop(gameId: string): Promise<number>;
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

  async function ask(stream: string, job: Readonly<Record<string, string>>): Promise<number> {
    const startedMs = performance.now();
    const asked = { ...job, requested_at_ms: String(Date.now()) };
    const entryId = await client.xadd(stream, '*', ...Object.entries(asked).flat());
    const fields = await nextResult(String(entryId));
    const tookMs = performance.now() - startedMs;
    if (!fields.includes('success')) throw new Error(`${JSON.stringify(job)} failed: ${fields}`);
    return tookMs;
  }

  const startToStay = (gameId: string): Promise<number> =>
    ask(STREAMS.startJobs, { game_id: gameId, image_ref: GAME_IMAGE });
  return {
    startToStay,
    async start(gameId) {
      const tookMs = await startToStay(gameId);
      await docker.getContainer(containerName(parseGameId(gameId))).remove({ force: true });
      return tookMs;
    },
    stop: (gameId) => ask(STREAMS.stopJobs, { game_id: gameId, reason: 'finished' }),
  };
}
