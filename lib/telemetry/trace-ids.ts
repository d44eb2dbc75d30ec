import { createHash } from 'node:crypto';
import { type IdGenerator, RandomIdGenerator } from '@opentelemetry/sdk-trace';

/** What identifies a span everywhere: the two ids of a span context. */
export interface SpanIds {
  readonly traceId: string;
  readonly spanId: string;
}

/** The part of an operation that its trace is derived from. */
export interface Traced {
  readonly operationId: string;
  readonly correlationId: string;
}

/**
 * The span under which an operation was accepted. Both ids follow from the operation's own, which every replica reads
 * from its row: so a trace goes on in whichever replica runs the operation, and nothing has to be stored or sent along
 * for it. The correlation id, without its dashes, is the trace id.
 */
export const acceptedSpan = ({ operationId, correlationId }: Traced): SpanIds => ({
  traceId: correlationId.replaceAll('-', '').toLowerCase(),
  spanId: createHash('sha256').update(operationId).digest('hex').slice(0, 16),
});

/** Random ids, but for spans that are started with ids of their own. */
export interface ChosenIds extends IdGenerator {
  /** The one span that is started in `start`, at once, gets these ids. */
  with<T>(ids: Partial<SpanIds>, start: () => T): T;
}

export function makeChosenIds(): ChosenIds {
  const random = new RandomIdGenerator();
  let chosen: Partial<SpanIds> = {};
  return {
    generateTraceId: () => chosen.traceId ?? random.generateTraceId(),
    generateSpanId: () => chosen.spanId ?? random.generateSpanId(),
    with(ids, start) {
      chosen = ids;
      try {
        return start();
      } finally {
        chosen = {};
      }
    },
  };
}
