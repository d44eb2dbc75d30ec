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
  /** Certificates, for https. */
  readonly tls?: Pick<RequestOptions, 'ca' | 'cert' | 'key'>;
}

/** Sends `path` as it stands: unlike `fetch`, nothing is normalised on the way. No connection is kept. */
export async function exchange(
  origin: string,
  path: string,
  { method = 'GET', headers = {}, tls = {} }: HttpOptions = {},
): Promise<HttpExchange> {
  const { protocol, hostname, port } = new URL(origin);
  const send = protocol === 'https:' ? httpsRequest : httpRequest;
  const { promise, resolve, reject } = Promise.withResolvers<HttpExchange>();
  const request = send(
    { host: hostname.replace(/^\[|\]$/g, ''), port, path, method, headers, agent: false, ...tls },
    (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode: status = 0, headers: answered } = response;
        resolve({ method, path, status, headers: answered, text, json: parse(text) });
      });
    },
  );
  request.on('error', reject);
  request.end();
  return promise;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
