import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import {
  brokenOff,
  failed,
  judgeAnswer,
  judgeError,
  judgeTimeOut,
  noResult,
  type ProbeResult,
} from './probe-result.ts';

/** Where an engine is asked. */
interface ProbeTarget {
  /** Of the container, an IP address. */
  readonly address: string;
  /** The recorded `engine_endpoint`: its port is asked, and its host is who the request is for. */
  readonly endpoint: string;
  /** For the whole exchange: connection, head and body. */
  readonly timeoutMs: number;
}

/** For all that comes over the socket: what is no body, such as extensions of chunks, costs as much to parse. */
const MAX_RAW_BYTES = 32 * 1024;

/** The answer that makes an engine healthy is 15 bytes long. */
const LARGEST_BODY_BYTES = 16 * 1024;

/**
 * One `GET {engine_endpoint}/healthz` over a connection of its own, which no later probe uses again. Redirects are not
 * followed. Never rejects.
 *
 * @param signal ends it without a result
 */
export function probeEngine(
  { address, endpoint, timeoutMs }: ProbeTarget,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { promise, resolve } = Promise.withResolvers<ProbeResult>();
  if (signal.aborted) return Promise.resolve(CALLED_OFF);
  const { host, port } = new URL(endpoint);
  const dueAtMs = performance.now() + timeoutMs;
  let status: number | null = null;

  // No agent at all: it is there to keep connections, and costs more than a probe does.
  const socket = connect({ host: address, port: Number(port || 80) });
  const request = get({
    createConnection: () => socket,
    path: '/healthz',
    headers: { host, accept: 'application/json' },
  });
  const end = (result: ProbeResult): void => {
    clearTimeout(timer);
    signal.removeEventListener('abort', callOff);
    resolve(result);
    request.destroy();
  };
  const callOff = (): void => end(CALLED_OFF);
  signal.addEventListener('abort', callOff);
  const timer = setTimeout(() => {
    const lateMs = performance.now() - dueAtMs;
    // Timers come before the network: what has arrived by now is read first.
    setImmediate(() => end(judgeTimeOut(status, timeoutMs, lateMs)));
  }, timeoutMs);

  // An engine that sends interim answers without an end would keep this process busy for the whole time limit.
  request.on('information', (interim) => {
    end(failed(interim.statusCode, 'the engine sends interim answers'));
  });
  // Before the parser of the request sees the chunk.
  request.once('socket', () => {
    socket.prependListener('data', () => {
      if (socket.bytesRead <= MAX_RAW_BYTES) return;
      end(failed(status, `the engine sends more than ${MAX_RAW_BYTES} bytes`));
    });
  });
  request.on('response', (response) => {
    status = response.statusCode ?? 0;
    readResponse(response, status, end);
  });
  // Comes also after the end was called, when the connection is gone.
  request.on('error', (error) => end(judgeError(status, error)));
  request.on('close', () => {
    end(brokenOff(status));
    // The kernel's handle outlives all young garbage, and what its socket leads to with it: half of the heap.
    for (const emitter of [request, socket]) emitter.removeAllListeners().on('error', ignore);
  });
  return promise;
}

/** An error that nobody listens to would end the process. */
const ignore = (): void => undefined;
const CALLED_OFF = noResult('the probe was called off');

function readResponse(response: IncomingMessage, status: number, end: (result: ProbeResult) => void): void {
  if (status !== 200) {
    end(judgeAnswer(status, ''));
    return;
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    if (bytes > LARGEST_BODY_BYTES)
      end(failed(status, `the answer is longer than ${LARGEST_BODY_BYTES} bytes`));
  });
  response.on('end', () => end(judgeAnswer(status, Buffer.concat(chunks).toString('utf8'))));
  // A body that breaks off has no end; the request tells of its close.
  response.on('error', () => end(brokenOff(status)));
}
