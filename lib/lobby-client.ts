import { RuntimeError } from './errors.ts';
import type { GameId } from './game-id.ts';

/** A game as Lobby describes it. RTM uses it for diagnosis only, so nothing is required of it. */
type LobbyGame = Readonly<Record<string, unknown>>;

type LobbyAnswer = { readonly found: true; readonly game: LobbyGame } | { readonly found: false };

/** Game Lobby's internal API, as far as RTM uses it. */
export interface LobbyClient {
  /**
   * @param signal the operation's own signal
   * @returns the game, or that Lobby does not know it (404)
   * @throws RuntimeError `service_unavailable` for any other answer, for none within the time limit, and after
   * `close`; the reason of `signal` when that aborts
   */
  getGame(gameId: GameId, signal: AbortSignal): Promise<LobbyAnswer>;
  /** Ends requests under way and refuses further ones. */
  close(): void;
}

interface LobbyClientOptions {
  /** Without a slash at its end; may have a path. */
  baseUrl: string;
  /** For the whole exchange, body included. */
  timeoutMs: number;
  fetch?: typeof globalThis.fetch;
}

/** A game's description is a few hundred bytes; more than this is not Lobby answering. */
const LARGEST_BODY_BYTES = 64 * 1024;

/** @returns a client of `GET {baseUrl}/api/v1/internal/games/{game_id}` */
export function makeLobbyClient({
  baseUrl,
  timeoutMs,
  fetch = globalThis.fetch,
}: LobbyClientOptions): LobbyClient {
  const closing = new AbortController();

  const request = async (gameId: GameId, signal: AbortSignal): Promise<LobbyAnswer> => {
    const url = `${baseUrl.replace(/(?<!\/)\/+$/, '')}/api/v1/internal/games/${encodeURIComponent(gameId)}`;
    // Redirects are not followed: an internal service has none, and whoever answered with one is not Lobby.
    const response = await fetch(url, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      signal,
    });
    if (response.status === 200) return { found: true, game: parseGame(await readBody(response)) };
    await response.body?.cancel();
    if (response.status === 404) return { found: false };
    throw unavailable(`answered with status ${response.status}`);
  };

  return {
    async getGame(gameId, signal) {
      signal.throwIfAborted();
      const timeout = AbortSignal.timeout(timeoutMs);
      try {
        return await request(gameId, AbortSignal.any([signal, timeout, closing.signal]));
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof RuntimeError) throw error;
        if (closing.signal.aborted)
          throw unavailable('is not asked any more, Runtime Manager shuts down', error);
        if (timeout.aborted) throw unavailable(`did not answer within ${timeoutMs} ms`, error);
        throw unavailable('could not be reached', error);
      }
    },
    close() {
      closing.abort();
    },
  };
}

async function readBody(response: Response): Promise<string> {
  if (response.body === null) return '';
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Counted while it arrives: the length header is optional and proves nothing. Leaving the loop cancels the rest.
  for await (const chunk of response.body) {
    bytes += chunk.byteLength;
    if (bytes > LARGEST_BODY_BYTES) throw unavailable(`answered with more than ${LARGEST_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseGame(body: string): LobbyGame {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (error) {
    throw unavailable('answered with something that is not JSON', error);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw unavailable('answered with JSON that is not an object');
  }
  return json as LobbyGame;
}

function unavailable(what: string, cause?: unknown): RuntimeError {
  return new RuntimeError('service_unavailable', `Game Lobby ${what}.`, cause === undefined ? {} : { cause });
}
