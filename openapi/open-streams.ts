import type { Response } from 'express';
import { RuntimeError } from '../lib/errors.ts';

/** What answers without an end of their own may be of. */
type StreamKind = 'logs' | 'events';

/** Answers at once in this replica, and those about one game. */
type Limits = Readonly<Record<StreamKind, { readonly all: number; readonly ofOneGame: number }>>;

/**
 * Each log holds a connection to Docker, each stream of events little but a socket. One game's logs are read by few: a
 * client that leaks them must not take all places.
 */
const LIMITS: Limits = {
  logs: { all: 64, ofOneGame: 8 },
  events: { all: 100, ofOneGame: 100 },
};

export interface OpenStreams {
  /**
   * Runs `work` while there is a place for it. Its signal aborts when the client leaves or the work is done, and with a `ReplicaCloses` when
   * the replica shuts down.
   *
   * @param gameId the game that it is about; undefined for all
   * @throws RuntimeError `service_unavailable` where no place is free, or the replica shuts down
   */
  run(
    stream: { readonly kind: StreamKind; readonly gameId: string | undefined },
    response: Response,
    work: (signal: AbortSignal) => Promise<void>,
  ): Promise<void>;
  /** Ends all, and lets none begin any more: an answer without an end would keep the listener from closing. */
  close(): void;
}

/** Why a stream ends that nobody else has ended. */
export class ReplicaCloses extends RuntimeError {
  constructor() {
    super('service_unavailable', 'Runtime Manager is shutting down');
  }
}

export function makeOpenStreams(limits: Limits = LIMITS): OpenStreams {
  const open = new Set<{ kind: StreamKind; gameId: string | undefined; end: AbortController }>();
  let isClosed = false;

  function assertRoom(kind: StreamKind, gameId: string | undefined): void {
    if (isClosed) throw new ReplicaCloses();
    const ofKind = [...open].filter((one) => one.kind === kind);
    const { all, ofOneGame } = limits[kind];
    if (ofKind.length >= all) throw noRoom(`${all} streams of ${kind}`);
    const ofGame = ofKind.filter((one) => one.gameId === gameId);
    if (gameId !== undefined && ofGame.length >= ofOneGame) throw noRoom(`${ofOneGame} of game ${gameId}`);
  }

  return {
    async run({ kind, gameId }, response, work) {
      assertRoom(kind, gameId);
      const one = { kind, gameId, end: new AbortController() };
      open.add(one);
      const leave = (): void => one.end.abort();
      response.once('close', leave);
      if (response.destroyed) leave();
      try {
        await work(one.end.signal);
      } finally {
        open.delete(one);
        response.off('close', leave);
        // Of what was opened and never read, such as for HEAD, nothing else lets go.
        one.end.abort();
      }
    },
    close() {
      isClosed = true;
      for (const { end } of open) end.abort(new ReplicaCloses());
    },
  };
}

const noRoom = (what: string): RuntimeError =>
  new RuntimeError(
    'service_unavailable',
    `This replica has ${what} open already, which is the most; close one, or ask another replica`,
  );
