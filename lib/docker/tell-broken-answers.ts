import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type Docker from 'dockerode';

/** Node tells of each request here, before `http.request` returns. */
const CREATED = 'http.client.request.created';

/** Of an answer with an error status, bytes. Docker repeats there what a registry said, however long that is. */
const MAX_ERROR_BYTES = 64 * 1024;
/** Of an answer that the library collects, bytes. A longer one makes no string, and the library would end the process. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

interface Modem {
  buildRequest(options: unknown, context: { readonly isStream?: boolean }, ...rest: unknown[]): void;
}

/**
 * Bounds what the library reads of an answer, and fails a call at once whose answer breaks off in the middle. The library
 * collects every answer whole. It listens to errors of the request alone, and Node reports a broken answer by the
 * answer: the call would wait for its deadline.
 */
export function tellBrokenAnswers({ modem }: Docker): void {
  const inner = modem as unknown as Modem;
  const buildRequest = inner.buildRequest.bind(inner);
  inner.buildRequest = (options, context, ...rest) => {
    const watch = (created: unknown): void => {
      const { request } = created as { readonly request: ClientRequest };
      request.once('response', (answer: IncomingMessage) => watchAnswer(request, answer, context.isStream));
    };
    subscribe(CREATED, watch);
    try {
      buildRequest(options, context, ...rest);
    } finally {
      unsubscribe(CREATED, watch);
    }
  };
}

function watchAnswer(request: ClientRequest, answer: IncomingMessage, isStream = false): void {
  answer.once('error', (error) => request.emit('error', error));
  const isError = (answer.statusCode ?? 0) >= 400;
  if (isStream && !isError) return;
  const limit = isError ? MAX_ERROR_BYTES : MAX_ANSWER_BYTES;
  let bytes = 0;
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= limit) return;
    answer.removeAllListeners('data');
    // The beginning of an error says why; the library takes it for the whole.
    if (isError) answer.emit('end');
    answer.destroy(new Error(`Docker's answer is longer than ${limit} bytes`));
  });
}
