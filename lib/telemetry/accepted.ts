import type { OpKind, OpSource } from '../operation.ts';
import { acceptedSpan, type Traced } from './trace-ids.ts';
import type { Tracing } from './tracing.ts';

/** A request that was accepted just now. */
export interface AcceptedRequest extends Traced {
  readonly gameId: string;
  readonly opKind: OpKind;
  readonly opSource: OpSource;
  /** `{stream}/{entry id}` of one that came by a stream. */
  readonly sourceRef: string | null;
  /** When it came, where the source does not tell; epoch milliseconds. */
  readonly sinceMs?: number;
  /** As the caller sent it, by W3C Trace Context. */
  readonly traceparent?: string;
}

/** Begins the trace of a request: from its stream entry, or its arrival, to its place in the game's queue. */
export function traceAccepted(tracing: Tracing, request: AcceptedRequest): void {
  const { gameId, opKind, opSource, sourceRef, operationId, sinceMs, traceparent } = request;
  const entry = opSource === 'lobby_stream' && sourceRef !== null ? entryOf(sourceRef) : undefined;
  const startMs = entry?.atMs ?? sinceMs;
  tracing.addRoot({
    name: `accept ${opKind}`,
    ids: acceptedSpan(request),
    ...(startMs === undefined ? {} : { startMs }),
    ...(traceparent === undefined ? {} : { traceparent }),
    attributes: {
      'rtm.operation_id': operationId,
      'rtm.game_id': gameId,
      'rtm.op_source': opSource,
      ...entry?.attributes,
    },
  });
}

/** What the reference of a stream entry tells: Redis makes its id of the time when it took the entry. */
function entryOf(sourceRef: string) {
  const slash = sourceRef.lastIndexOf('/');
  const [stream, id] = [sourceRef.slice(0, slash), sourceRef.slice(slash + 1)];
  const atMs = Number(id.split('-')[0]);
  return {
    // An id that its writer chose may be no time at all.
    atMs: Math.abs(Date.now() - atMs) < DAY_MS ? atMs : undefined,
    attributes: {
      'messaging.system': 'redis',
      'messaging.destination.name': stream,
      'messaging.message.id': id,
    },
  };
}

const DAY_MS = 86_400_000;
