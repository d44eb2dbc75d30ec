import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type Docker from 'dockerode';

/** Node tells of each request here, before `http.request` returns. */
const CREATED = 'http.client.request.created';

interface Modem {
  buildRequest(...args: unknown[]): void;
}

/**
 * Lets a call fail at once whose answer breaks off in the middle. The library listens to errors of the request alone, and
 * Node tells of that one by the answer: the call would never settle, and wait for its deadline.
 */
export function tellBrokenAnswers({ modem }: Docker): void {
  const inner = modem as unknown as Modem;
  const buildRequest = inner.buildRequest.bind(inner);
  inner.buildRequest = (...args) => {
    subscribe(CREATED, watch);
    try {
      buildRequest(...args);
    } finally {
      unsubscribe(CREATED, watch);
    }
  };
}

function watch(created: unknown): void {
  const { request } = created as { readonly request: ClientRequest };
  request.once('response', (answer: IncomingMessage) => {
    answer.once('error', (error) => request.emit('error', error));
  });
}
