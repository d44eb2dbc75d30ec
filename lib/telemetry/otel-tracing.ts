import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { parseTraceParent } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import { type Sampler, SamplingDecision, type SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { makeChosenIds, type SpanIds } from './trace-ids.ts';
import { NO_SPAN, type TraceSpan, type Tracing } from './tracing.ts';

interface OtelTracing extends Tracing {
  close(): Promise<void>;
}

interface TracingOptions {
  readonly resource: Resource;
  readonly sampler: Sampler;
  readonly processor: SpanProcessor;
}

/**
 * Traces by OpenTelemetry. Nothing of it is global: two replicas in one process trace apart, and no library that looks
 * for a global tracer begins to trace by itself.
 */
export function makeOtelTracing({ resource, sampler, processor }: TracingOptions): OtelTracing {
  const ids = makeChosenIds();
  const provider = new TracerProvider({ resource, sampler, spanProcessors: [processor], idGenerator: ids });
  const tracer = provider.getTracer('rtmanager');
  const contexts = new AsyncLocalStorageContextManager().enable();

  /**
   * The sampler goes by the trace id, so every replica finds for itself what the others have found: whether the span
   * that is not here was recorded.
   */
  function remote({ traceId, spanId }: SpanIds): SpanContext {
    const { decision } = sampler.shouldSample(ROOT_CONTEXT, traceId, '', SpanKind.INTERNAL, {}, []);
    const isSampled = decision === SamplingDecision.RECORD_AND_SAMPLED;
    return { traceId, spanId, traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE, isRemote: true };
  }

  function spanIn(parent: Context, span: Span): TraceSpan {
    const own = trace.setSpan(parent, span);
    return {
      within: (work) => contexts.with(own, work),
      addPast: ({ name, ...options }, endMs) =>
        tracer.startSpan(name, { ...optionsOf(options) }, own).end(endMs),
      end(attributes = {}, failure) {
        span.setAttributes(attributes);
        if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
        span.end();
      },
    };
  }

  return {
    addRoot({ name, ids: own, traceparent, ...options }) {
      const caller = traceparent === undefined ? null : parseTraceParent(traceparent);
      const links = caller ? [{ context: caller }] : [];
      const kind = SpanKind.PRODUCER;
      ids.with(own, () => tracer.startSpan(name, { ...optionsOf(options), links, kind }, ROOT_CONTEXT)).end();
    },
    start({ name, traceId, parent, ...options }) {
      const context = parent ? trace.setSpanContext(ROOT_CONTEXT, remote(parent)) : ROOT_CONTEXT;
      const kind = SpanKind.CONSUMER;
      const begin = () => tracer.startSpan(name, { ...optionsOf(options), kind }, context);
      return spanIn(context, parent ? begin() : ids.with({ traceId }, begin));
    },
    startPart({ name, ...options }) {
      const active = contexts.active();
      if (!trace.getSpan(active)) return NO_SPAN;
      return spanIn(active, tracer.startSpan(name, optionsOf(options), active));
    },
    async close() {
      contexts.disable();
      await provider.shutdown();
    },
  };
}

const optionsOf = ({ startMs, attributes = {} }: { startMs?: number; attributes?: object }) => ({
  attributes: { ...attributes },
  ...(startMs === undefined ? {} : { startTime: startMs }),
});
