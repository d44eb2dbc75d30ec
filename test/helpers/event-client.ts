import { type IncomingMessage, request } from 'node:http';
import { makeSchemaValidator } from '../../lib/contracts.ts';
import { eventually } from './eventually.ts';

/** One server-sent event. */
export interface Frame {
  readonly id: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Listens to `GET /events` as a browser does, and fails at a frame that the contract does not know. */
export interface EventClient {
  readonly frames: readonly Frame[];
  /** The last id that came, with a frame or without: what a browser would send when it comes back. */
  readonly lastId: string;
  readonly text: string;
  readonly answer: IncomingMessage;
  /** Waits for so many frames in all. */
  got(count: number): Promise<readonly Frame[]>;
  /** Resolves when the service has ended the answer; rejects when it broke off. */
  readonly ended: Promise<void>;
  leave(): void;
}

const KINDS: Readonly<Record<string, string>> = { operation: 'OperationFrame', gap: 'GapFrame' };

export async function listenToEvents(
  url: string,
  { lastEventId, query = '' }: { readonly lastEventId?: string; readonly query?: string } = {},
): Promise<EventClient> {
  const headers = lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId };
  const came = Promise.withResolvers<IncomingMessage>();
  const asked = request(`${url}/api/v1/internal/events${query}`, { headers, agent: false }, came.resolve);
  asked.on('error', came.reject);
  asked.end();
  const answer = await came.promise;
  if (answer.statusCode !== 200) throw new Error(`events are answered with ${answer.statusCode}`);
  const frames: Frame[] = [];
  const state = { text: '', lastId: '' };
  let rest = '';
  answer.setEncoding('utf8');
  answer.on('data', (chunk: string) => {
    state.text += chunk;
    rest += chunk;
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) take(block);
  });

  function take(block: string): void {
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
    state.lastId = field('id') ?? state.lastId;
    const data = field('data');
    if (data === undefined) return;
    const event = field('event') ?? '';
    const parsed = JSON.parse(data);
    const verdict = makeSchemaValidator(KINDS[event] ?? 'HealthEventFrame')(parsed);
    if (!verdict.ok) asked.destroy(new Error(`no frame of the contract: ${verdict.message}: ${block}`));
    frames.push({ id: state.lastId, event, data: parsed });
  }

  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => undefined);
  answer.on('end', ended.resolve);
  answer.on('error', ended.reject);
  const client = {
    frames,
    get lastId() {
      return state.lastId;
    },
    get text() {
      return state.text;
    },
    answer,
    got: (count: number) =>
      eventually(() => frames.length >= count && frames, {
        what: `${count} frames, got ${JSON.stringify(frames)}`,
        intervalMs: 5,
      }),
    ended: ended.promise,
    leave: () => void asked.destroy(),
  };
  await eventually(() => state.lastId !== '', { what: 'the beginning of the events', intervalMs: 5 });
  return client;
}
