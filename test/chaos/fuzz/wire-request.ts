import { type Bytes, toBytes } from '../../helpers/hostile-text.ts';

/** A request that is HTTP, whatever it asks for. */
export interface WireRequest {
  readonly method: string;
  /** As it stands on the wire. */
  readonly target: string;
  readonly version: '1.0' | '1.1';
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Bytes | undefined;
  readonly chunked: boolean;
}

export const toWire = ({ method, target, version, headers, body, chunked }: WireRequest): Buffer => {
  const bytes = body === undefined ? undefined : toBytes(body);
  const framing =
    bytes === undefined ? [] : chunked ? ['Transfer-Encoding: chunked'] : [`Content-Length: ${bytes.length}`];
  const lines = [
    `${method} ${target} HTTP/${version}`,
    ...headers.map((pair) => pair.join(': ')),
    ...framing,
  ];
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  if (bytes === undefined) return head;
  return Buffer.concat([head, chunked ? inChunks(bytes) : bytes]);
};

function inChunks(bytes: Buffer): Buffer {
  const half = Math.ceil(bytes.length / 2);
  const chunks = [bytes.subarray(0, half), bytes.subarray(half)].filter((one) => one.length > 0);
  const framed = chunks.flatMap((one) => [
    Buffer.from(`${one.length.toString(16)}\r\n`),
    one,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...framed, Buffer.from('0\r\n\r\n')]);
}
