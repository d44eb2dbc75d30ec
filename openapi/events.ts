import type { Response } from 'express';
import { makeQueryValidator } from '../lib/contracts.ts';
import { RuntimeError } from '../lib/errors.ts';
import type { EventFeed, FeedEvent, FeedPlace, FeedPortion } from '../lib/event-feed.ts';
import { inTime } from './in-time.ts';
import type { OpenStreams } from './open-streams.ts';
import { renderHealthFrame, renderOperationFrame } from './render.ts';
import type { Route } from './route.ts';
import { beginStream, sendPiece } from './send-stream.ts';

interface EventsDeps {
  readonly feed: EventFeed;
  readonly streams: OpenStreams;
  /** How long nothing may be sent, milliseconds. */
  readonly heartbeatMs?: number;
}

/** Proxies close what says nothing for a minute; and so soon it is found out that a client has gone without a word. */
const HEARTBEAT_MS = 15_000;
/** How long a browser waits before it connects again, milliseconds. */
const RETRY_MS = 2_000;

/** Serves operations and health as they happen, as server-sent events. */
export function makeEventsRoute({ feed, streams, heartbeatMs = HEARTBEAT_MS }: EventsDeps): Route {
  const parseQuery = makeQueryValidator('internalStreamEvents');
  return async (request, response) => {
    const query = parseQuery(request.query);
    if (!query.ok) throw new RuntimeError('invalid_request', query.message);
    const gameId = query.values.game_id;
    const lastSeen = parseEventId(request.get('Last-Event-ID'));
    await streams.run({ kind: 'events', gameId }, response, async (signal) => {
      const portions = feed.follow(lastSeen, signal);
      try {
        // Before the answer begins, which could not tell of a failure any more.
        const first = await inTime(portions.next());
        if (response.destroyed) return;
        beginStream(response, 'text/event-stream; charset=utf-8');
        if (request.method !== 'HEAD' && !first.done) {
          await sendPiece(response, `retry: ${RETRY_MS}\n\n`, signal);
          await sendAll(response, { first: first.value, portions, gameId, heartbeatMs, signal });
        }
        response.end();
      } finally {
        // Whoever does not read on has to say so, or PostgreSQL is asked for him for ever.
        await portions.return?.();
      }
    });
  };
}

interface Sent {
  readonly first: FeedPortion;
  readonly portions: AsyncIterable<FeedPortion>;
  readonly gameId: string | undefined;
  readonly heartbeatMs: number;
  readonly signal: AbortSignal;
}

async function sendAll(
  response: Response,
  { first, portions, gameId, heartbeatMs, signal }: Sent,
): Promise<void> {
  let place = first.place;
  // With the place, so that a client of whose game nothing is told comes back to where the feed was.
  const heartbeat = setInterval(() => {
    if (!response.writableNeedDrain) response.write(`: keep-alive\n${idLine(place)}\n`);
  }, heartbeatMs);
  try {
    await sendPiece(response, renderPortion(first, gameId), signal);
    for await (const portion of portions) {
      const text = renderPortion(portion, gameId);
      if (text !== '') await sendPiece(response, text, signal);
      place = portion.place;
    }
  } finally {
    clearInterval(heartbeat);
  }
}

/** A portion without events is a place alone: a block of an id without data, which tells a client where it is. */
function renderPortion(portion: FeedPortion, gameId: string | undefined): string {
  if ('gap' in portion) return frame(portion.place, 'gap', { reason: portion.gap });
  if (portion.events.length === 0) return `${idLine(portion.place)}\n`;
  return portion.events
    .filter((event) => gameId === undefined || gameOf(event) === gameId)
    .map(renderEvent)
    .join('');
}

const gameOf = (event: FeedEvent): string =>
  event.kind === 'operation' ? event.step.gameId : event.health.gameId;

const renderEvent = (event: FeedEvent): string =>
  event.kind === 'operation'
    ? frame(event.place, 'operation', renderOperationFrame(event.step, event.toldAtMs))
    : frame(event.place, event.health.type, renderHealthFrame(event.health));

/** JSON has no line breaks of its own, and so neither has the frame. */
const frame = (place: FeedPlace, event: string, data: object): string =>
  `${idLine(place)}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

const idLine = ({ xid, feedId }: FeedPlace): string => `id: ${xid}-${feedId}\n`;

const XID_MOST = 2n ** 64n - 1n;
const FEED_ID_MOST = 2n ** 63n - 1n;

/** The place that an id names. The guard before has checked its form; here it is held against what PostgreSQL counts to. */
function parseEventId(id: string | undefined): FeedPlace | undefined {
  if (id === undefined) return undefined;
  const [xid = 0n, feedId = 0n] = id.split('-').map(BigInt);
  if (xid <= XID_MOST && feedId <= FEED_ID_MOST) return { xid, feedId };
  throw new RuntimeError(
    'invalid_request',
    'header "Last-Event-ID" must be the id of an event, such as 74211-1830',
  );
}
