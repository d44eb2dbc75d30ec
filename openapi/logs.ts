import type { Response } from 'express';
import { makeQueryValidator } from '../lib/contracts.ts';
import type { Docker } from '../lib/docker/docker.ts';
import { RuntimeError } from '../lib/errors.ts';
import { parseGameId } from '../lib/game-id.ts';
import { neverStarted } from '../lib/runtime-record.ts';
import { type OpenStreams, ReplicaCloses } from './open-streams.ts';
import type { Route } from './route.ts';
import type { RuntimeReads } from './runtime-reads.ts';
import { beginStream, sendPiece } from './send-stream.ts';

interface LogsDeps {
  readonly reads: Pick<RuntimeReads, 'find'>;
  readonly docker: Pick<Docker, 'inspect' | 'openLog'>;
  readonly streams: OpenStreams;
}

/** Serves what a game's engine writes, as it is written. */
export function makeLogsRoute({ reads, docker, streams }: LogsDeps): Route {
  const parseQuery = makeQueryValidator('internalGetRuntimeLogs');
  return async (request, response) => {
    const gameId = parseGameId(String(request.params.game_id));
    const query = parseQuery(request.query);
    if (!query.ok) throw new RuntimeError('invalid_request', query.message);
    const { tail, follow } = query.values;
    await streams.run({ kind: 'logs', gameId }, response, async (signal) => {
      try {
        const runtime = await reads.find(gameId);
        if (!runtime) throw neverStarted(gameId);
        const id = runtime.currentContainerId;
        const container = id === null ? null : await docker.inspect(id, signal);
        if (!container) throw new RuntimeError('not_found', `Game ${gameId} has no container`);
        const text = await docker.openLog(container, { tail, follow }, signal);
        beginStream(response, 'text/plain; charset=utf-8');
        if (request.method !== 'HEAD') await sendAll(response, text, signal);
        await text.return?.();
        response.end();
      } catch (error) {
        endAborted(response, signal, error);
      }
    });
  };
}

async function sendAll(response: Response, text: AsyncIterable<string>, signal: AbortSignal): Promise<void> {
  for await (const piece of text) await sendPiece(response, piece, signal);
}

/** What failed because it was ended from here: nothing went wrong, and a client that is still there is told. */
function endAborted(response: Response, { aborted, reason }: AbortSignal, error: unknown): void {
  if (!aborted) throw error;
  if (reason instanceof ReplicaCloses) {
    if (!response.headersSent) throw reason;
    response.write('[… Runtime Manager is shutting down]\n');
  }
  response.end();
}
