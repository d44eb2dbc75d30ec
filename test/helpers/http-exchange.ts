import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';

/** One request and what came back. */
export interface HttpExchange {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The parsed body; undefined where it is no JSON. */
  readonly json: unknown;
}

interface HttpOptions {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  /** Text and bytes are sent as they stand, anything else as JSON with its Content-Type. */
  readonly body?: unknown;
  /** Leaves as soon as the answer so far is like that; what came until then is its text. */
  readonly until?: (text: string) => boolean;
  /** Leaves: the exchange then rejects. */
  readonly signal?: AbortSignal;
  /** Certificates, for https. */
  readonly tls?: Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'ciphers' | 'maxVersion'>;
}

/** Sends `path` as it stands: unlike `fetch`, nothing is normalised on the way. No connection is kept. */
export async function exchange(
  origin: string,
  path: string,
  { method = 'GET', headers = {}, body, until, signal, tls = {} }: HttpOptions = {},
): Promise<HttpExchange> {
  const sent = toBytes(body);
  const asJson = sent !== undefined && sent !== body ? { 'Content-Type': 'application/json' } : {};
  // Node leaves the length out of a DELETE.
  const length =
    sent === undefined || 'Transfer-Encoding' in headers ? {} : { 'Content-Length': Buffer.byteLength(sent) };
  const { protocol, hostname, port } = new URL(origin);
  const send = protocol === 'https:' ? httpsRequest : httpRequest;
  const { promise, resolve, reject } = Promise.withResolvers<HttpExchange>();
  const request = send(
    {
      host: hostname.replace(/^\[|\]$/g, ''),
      port,
      path,
      method,
      headers: { ...length, ...asJson, ...headers },
      agent: false,
      ...(signal ? { signal } : {}),
      ...tls,
    },
    (response) => {
      let text = '';
      response.setEncoding('utf8');
      const finish = () => {
        const { statusCode: status = 0, headers: answered } = response;
        resolve({ method, path, status, headers: answered, text, json: parse(text) });
      };
      response.on('data', (chunk: string) => {
        text += chunk;
        if (!until?.(text)) return;
        finish();
        request.destroy();
      });
      response.on('error', reject);
      response.on('end', finish);
    },
  );
  request.on('error', reject);
  request.end(sent);
  return promise;
}

function toBytes(body: unknown): string | Uint8Array | undefined {
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) return body;
  return JSON.stringify(body);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
