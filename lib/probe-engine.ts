import { get, type IncomingMessage } from 'node:http';
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
  const { host, port } = new URL(endpoint);
  const { promise, resolve } = Promise.withResolvers<ProbeResult>();
  const dueAtMs = performance.now() + timeoutMs;
  let status: number | null = null;

  const end = (result: ProbeResult): void => {
    clearTimeout(timer);
    resolve(result);
    request.destroy();
  };
  const timer = setTimeout(() => {
    const lateMs = performance.now() - dueAtMs;
    // Timers come before the network: what has arrived by now is read first.
    setImmediate(() => end(judgeTimeOut(status, timeoutMs, lateMs)));
  }, timeoutMs);

  const request = get({
    host: address,
    port: port || 80,
    path: '/healthz',
    headers: { host, accept: 'application/json' },
    agent: false,
    signal,
  });
  request.on('response', (response) => {
    status = response.statusCode ?? 0;
    readResponse(response, status, end);
  });
  // Comes also after the end was called, when the connection is gone.
  request.on('error', (error) =>
    end(signal.aborted ? noResult('the probe was called off') : judgeError(status, error)),
  );
  request.on('close', () => end(brokenOff(status)));
  return promise;
}

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
