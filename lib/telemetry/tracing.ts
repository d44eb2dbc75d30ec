import type { Attributes } from '@opentelemetry/api';
import type { SpanIds } from './trace-ids.ts';

interface SpanFacts {
  readonly name: string;
  readonly attributes?: Attributes;
  /** Epoch milliseconds; now, unless it began before. */
  readonly startMs?: number;
}

/** Something that takes time, as a trace shows it. */
export interface TraceSpan {
  /** Runs `work` with this span as the one that whatever begins in it belongs to. */
  within<T>(work: () => T): T;
  /** A part of this span that is over already, from `startMs` until `endMs`. */
  addPast(facts: SpanFacts & { readonly startMs: number }, endMs: number): void;
  /** @param failure why, in words, where it did not come off */
  end(attributes?: Attributes, failure?: string): void;
}

/** What RTM does as spans. Everything is told of operations; what belongs to none is not traced. */
export interface Tracing {
  /**
   * The beginning of a trace, over already, with ids of its own.
   *
   * @param traceparent of a caller who traces too; the two traces are linked
   */
  addRoot(facts: SpanFacts & { readonly ids: SpanIds; readonly traceparent?: string }): void;
  /**
   * A span of another trace than the one that goes on here: below `parent`, which may have been another replica's, or at
   * the top of that trace.
   */
  start(facts: SpanFacts & { readonly traceId: string; readonly parent: SpanIds | null }): TraceSpan;
  /** A part of the span that goes on here; none where nothing is traced. */
  startPart(facts: SpanFacts): TraceSpan;
}

/** Where nothing is traced. */
export const NO_SPAN: TraceSpan = {
  within: (work) => work(),
  addPast: () => undefined,
  end: () => undefined,
};

/** Where traces are not asked for. */
export const NO_TRACING: Tracing = {
  addRoot: () => undefined,
  start: () => NO_SPAN,
  startPart: () => NO_SPAN,
};
