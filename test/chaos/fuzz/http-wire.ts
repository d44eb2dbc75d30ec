import { connect } from 'node:net';
import { takeBody } from './http-body.ts';

/** An answer as it came, and nothing made of it but its parts. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

interface Spoken {
  readonly bytes: Buffer;
  /** Whether the other side closed the connection; false when it was given up. */
  readonly closed: boolean;
}

/** How a connection is left once everything was sent. */
export type Leaving = 'wait' | 'half-close' | 'reset';

/**
 * Sends `pieces` over a connection of its own and collects what comes until the other side closes it, `patienceMs` at
 * most.
 */
export async function speak(
  url: string,
  pieces: readonly Buffer[],
  { leaving, patienceMs }: { leaving: Leaving; patienceMs: number },
): Promise<Spoken> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  const came: Buffer[] = [];
  const over = Promise.withResolvers<boolean>();
  socket.on('error', () => undefined); // a reset is one way to be closed
  socket.on('data', (chunk) => came.push(chunk));
  socket.once('close', () => over.resolve(true));
  const timer = setTimeout(() => over.resolve(false), patienceMs);
  try {
    for (const piece of pieces) {
      await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
    }
    if (leaving === 'half-close') socket.end();
    if (leaving === 'reset') socket.resetAndDestroy();
    return { closed: await over.promise, bytes: Buffer.concat(came) };
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/**
 * Takes a connection's bytes apart. `methods` are those of the requests, in their order: an answer to HEAD has no body,
 * and neither may one to what is no request.
 *
 * @throws when what came is no row of whole answers
 */
export function parseAnswers(bytes: Buffer, methods: readonly string[]): WireAnswer[] {
  const answers: WireAnswer[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const end = rest.indexOf('\r\n\r\n');
    if (end === -1)
      throw new Error(`an answer breaks off in its head: ${rest.toString('latin1').slice(0, 500)}`);
    const [first = '', ...lines] = rest.subarray(0, end).toString('latin1').split('\r\n');
    const [, told] = /^HTTP\/1\.1 (\d{3}) /.exec(first) ?? [];
    if (told === undefined) throw new Error(`an answer begins with ${JSON.stringify(first.slice(0, 500))}`);
    const status = Number(told);
    rest = rest.subarray(end + 4);
    // Only a word on the way.
    if (status < 200) continue;
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
    );
    const method = methods[answers.length] ?? (isAtAnswer(rest) ? 'HEAD' : '');
    const taken = method === 'HEAD' ? { body: Buffer.alloc(0), rest } : takeBody(rest, headers);
    answers.push({ status, headers, text: taken.body.toString('utf8') });
    rest = taken.rest;
  }
  return answers;
}

const isAtAnswer = (rest: Buffer): boolean =>
  rest.length === 0 || rest.toString('latin1', 0, 9) === 'HTTP/1.1 ';
