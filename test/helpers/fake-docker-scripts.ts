/** How a fake Docker may treat one request: as usual, or in one of the ways in which a real one goes wrong. */
import type { Exchange } from './fake-docker-api.ts';

export type Script = (exchange: Exchange) => void | Promise<void>;

/** As usual. */
export const pass = (): Script => (exchange) => exchange.send(exchange.act());

/** Says this, and does nothing. */
export const answer =
  (status: number, body?: unknown): Script =>
  (exchange) =>
    exchange.send({ status, body });

/** Refuses, in the form that Docker gives its errors. */
export const refuse = (status: number, message: string): Script => answer(status, { message });

/** Takes the request and never says a word. */
export const hang = (): Script => () => {};

/** Takes the request and closes the connection without an answer. */
export const drop = (): Script => (exchange) => void exchange.response.socket?.destroy();

/** Does what was asked for, then closes the connection without an answer. */
export const actThenDrop = (): Script => (exchange) => {
  exchange.act();
  exchange.response.socket?.destroy();
};

/** Does what was asked for, and calls it an error. */
export const actThenRefuse =
  (status: number, message: string): Script =>
  (exchange) => {
    exchange.act();
    refuse(status, message)(exchange);
  };

/** Does what was asked for, then never answers. */
export const actThenHang = (): Script => (exchange) => void exchange.act();

/** Begins an answer and closes the connection in the middle of it. */
export const cutOff =
  (status: number, text: string): Script =>
  ({ response }) => {
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': text.length + 100 });
    response.write(text, () => response.socket?.destroy());
  };

/**
 * Answers with an error whose text has no end, as long as its reader takes it.
 *
 * @param onBytes is called with the number of bytes of each part that the reader has taken
 */
export const endlessError =
  (status: number, onBytes: (bytes: number) => void): Script =>
  ({ response }) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    const part = 'registry says no. '.repeat(4_096);
    const more = (): void => {
      if (response.destroyed) return;
      onBytes(part.length);
      response.write(part, (error) => error ?? more());
    };
    response.write('{"message":"denied: ', more);
  };

/** Begins an answer and never ends it. */
export const hangInside =
  (status: number, text: string): Script =>
  ({ response }) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.write(text);
  };

/** As usual, but not before `gate` opens. */
export const heldUntil =
  (gate: Promise<unknown>): Script =>
  async (exchange) => {
    await gate;
    exchange.send(exchange.act());
  };

/** A stream that is told piece by piece what to say. */
export interface Progress {
  readonly script: Script;
  /** Resolves when the request has come. */
  readonly begun: Promise<void>;
  /** Resolves when it is on its way. */
  write(text: string | Buffer): Promise<void>;
  end(): void;
  /** Breaks the connection. */
  cut(): void;
}

/** A streamed answer of status 200 whose pieces the test decides on as it goes. */
export function makeProgress(): Progress {
  const begun = Promise.withResolvers<void>();
  let current: Exchange | undefined;
  const now = (): Exchange => {
    if (!current) throw new Error('nobody has asked for the stream yet');
    return current;
  };
  return {
    script: (exchange) => {
      current = exchange;
      exchange.response.writeHead(200, { 'content-type': 'application/json' });
      exchange.response.flushHeaders();
      begun.resolve();
    },
    begun: begun.promise,
    write: (text) => new Promise((resolve) => void now().response.write(text, () => resolve())),
    end: () => {
      now().act();
      now().response.end();
    },
    cut: () => void now().response.socket?.destroy(),
  };
}

/** A stream of status 200 with these lines, after which the route's usual effect is there. */
export const stream =
  (...lines: readonly string[]): Script =>
  (exchange) => {
    exchange.act();
    exchange.response.writeHead(200, { 'content-type': 'application/json' });
    exchange.response.end(lines.map((line) => `${line}\r\n`).join(''));
  };
