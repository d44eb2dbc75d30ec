import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

/** By Node's error code; the limits are those of the listener. */
const ANSWERS: Readonly<Record<string, readonly [status: number, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'The head of the request is too large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The extensions of a chunk are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time'],
};
const INVALID = [400, 'The request is no valid HTTP'] as const;
const NO_TUNNEL = [405, 'CONNECT is not possible here'] as const;

/**
 * Answers what never became a request, and so never reaches the application, with the contract's envelope as well. A
 * connection whose request has its answer, or may have been accepted, is only ended: more words would be read as that
 * answer.
 */
export function answerClientErrors(server: Server): void {
  /**
   * Connections on which HTTP is spoken, TLS handshakes being over, with the latest answer of each and those before it
   * that are still on their way.
   */
  const answers = new WeakMap<Socket, readonly ServerResponse[]>();
  const watch = (socket: Socket): void => {
    answers.set(socket, []);
    // After Node itself has closed what it closes.
    socket.once('close', () => setImmediate(() => answers.get(socket)?.forEach(closeUnheard)));
  };
  server.on('connection', watch);
  server.on('secureConnection', watch);
  /** Notes a new answer as the latest of its connection, and returns the one before it that is still on its way. */
  const note = ({ socket }: IncomingMessage, response: ServerResponse): ServerResponse | undefined => {
    const known = (answers.get(socket) ?? []).filter((one) => !one.writableFinished);
    // One that waited for others is heard of twice.
    if (!known.includes(response)) answers.set(socket, [...known, response]);
    return known.at(-1);
  };
  server.prependListener('request', note);
  // Node would refuse an unknown expectation by itself, without a word; RFC 9110 lets a server ignore it.
  server.on('checkExpectation', (request, response) => void server.emit('request', request, response));
  // Node would write its word to go on at once, and so between the head and the body of an answer that waits for others.
  // The request waits as well: answered without that word, it would end the connection for whatever comes behind it.
  server.on('checkContinue', (request, response) => {
    const goOn = (): void => {
      response.writeContinue();
      server.emit('request', request, response);
    };
    const last = note(request, response);
    if (last) last.once('finish', goOn);
    else goOn();
  });
  const refuse = (socket: Socket, answer: string): void => {
    if (answers.get(socket)?.some(isSpokenFor) !== false || !socket.writable) {
      socket.destroy();
      return;
    }
    socket.write(answer);
    socket.destroySoon();
  };
  server.on('connect', (_request: IncomingMessage, socket: Socket) => {
    // Node has let go of the connection: without a listener, a client that resets it would end the process.
    socket.on('error', () => socket.destroy());
    refuse(socket, makeAnswer(NO_TUNNEL, ['Allow: GET, HEAD, POST, DELETE']));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    refuse(socket, makeAnswer(ANSWERS[error.code ?? ''] ?? INVALID));
  });
}

/**
 * Node leaves an answer open for ever that is complete and waits for its turn when the client goes, and with it what
 * whoever counts answers waits for.
 */
function closeUnheard(response: ServerResponse): void {
  if (response.closed) return;
  response.destroy();
  response.emit('close');
}

/** A request that is whole is the application's until its answer is too; one that is not, from when it is answered. */
const isSpokenFor = ({ req, headersSent, writableFinished }: ServerResponse): boolean =>
  req.complete ? !writableFinished : headersSent;

function makeAnswer([status, message]: readonly [number, string], headers: readonly string[] = []): string {
  const body = JSON.stringify({ error: { code: 'invalid_request', message } });
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}
