import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** A request as Docker would have seen it. */
export interface DockerRequest {
  readonly method: string;
  /** The whole request target, as it stood on the wire. */
  readonly url: string;
  /** `v1.41`, or '' for a request without one. */
  readonly version: string;
  /** Without version and query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
  /** The JSON body, undefined where there is none. */
  readonly body: unknown;
  /** What the route's placeholders stand for. */
  readonly params: readonly string[];
}

/** What a request asks for, before it is known which route that is. */
type Asked = Omit<DockerRequest, 'params'>;

/** Reads a request to its end. */
export async function readDockerRequest(incoming: IncomingMessage): Promise<Asked> {
  const { url = '', method = '', headers } = incoming;
  const { pathname, searchParams } = new URL(url, 'http://docker');
  const [, version = '', path = pathname] = /^\/(v[0-9.]+)(\/.*)$/.exec(pathname) ?? [];
  let text = '';
  for await (const chunk of incoming.setEncoding('utf8')) text += chunk as string;
  return {
    method,
    url,
    version,
    path,
    query: Object.fromEntries(searchParams),
    headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

/** Method and path, as routes name them. */
export const targetOf = ({ method, path }: Asked): string => `${method} ${decodeURIComponent(path)}`;
