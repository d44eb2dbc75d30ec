import fc, { type Arbitrary } from 'fast-check';
import { hostileBytes, toBytes } from '../../helpers/hostile-text.ts';
import { wireRequest } from './http-requests.ts';
import { toWire } from './wire-request.ts';

/** What may stand on a connection that is no request of HTTP, or the beginning of one: bytes in hexadecimal. */
export interface BrokenRequest {
  readonly latin1: string;
}

export const brokenToWire = ({ latin1 }: BrokenRequest): Buffer => Buffer.from(latin1, 'latin1');

const HEAD =
  'POST /api/v1/internal/runtimes/fuzzed-1/stop HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n';
const BODY = '{"reason":"finished"}';
const withLength = (length: string): string => `${HEAD}Content-Length: ${length}\r\n\r\n${BODY}`;

const CLASSICS = [
  '\0',
  '\r\n',
  'EHLO rtm\r\n\r\n',
  'GET /\r\n\r\n',
  'GET / HTTP/0.9\r\n\r\n',
  'GET / HTTP/2.0\r\nHost: 127.0.0.1\r\n\r\n',
  'GET / http/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'get / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'GET  / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'GET / a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'GET \u00e9 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  'CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n',
  'CONNECT\r\n\r\n',
  `${HEAD}No-Colon\r\n\r\n`,
  `${HEAD}Space : a\r\n\r\n`,
  `${HEAD}A: b\r\n folded\r\n\r\n`,
  `${HEAD}A: \0\r\n\r\n`,
  `${HEAD}: nothing\r\n\r\n`,
  `${HEAD.replaceAll('\r\n', '\n')}\n`,
  `${HEAD}X-Long: ${'a'.repeat(20_000)}\r\n\r\n`,
  `${HEAD}${'X: a\r\n'.repeat(5_000)}\r\n`,
  `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
  `${HEAD}Content-Length: 21\r\nContent-Length: 22\r\n\r\n${BODY}`,
  `${HEAD}Content-Length: 21\r\nTransfer-Encoding: chunked\r\n\r\n15\r\n${BODY}\r\n0\r\n\r\n`,
  `${HEAD}Transfer-Encoding: gzip\r\n\r\n${BODY}`,
  `${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n15\r\n${BODY}\r\n0\r\n\r\n`,
  `${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n${BODY}\r\n0\r\n\r\n`,
  `${HEAD}Transfer-Encoding: chunked\r\n\r\n${'f'.repeat(30)}\r\n${BODY}`,
  `${HEAD}Transfer-Encoding: chunked\r\n\r\n15;${'e'.repeat(20_000)}\r\n${BODY}\r\n0\r\n\r\n`,
  `${HEAD}Transfer-Encoding: chunked\r\n\r\n15\r\n${BODY}\r\n`,
  `${HEAD}Transfer-Encoding: chunked\r\n\r\n15\r\n${BODY}\r\n0\r\nTrailer\r\n\r\n`,
  ...['-1', '+21', '0x15', '2 1', '1e1', '9'.repeat(30), '21, 21', ''].map(withLength),
];

export const brokenRequest: Arbitrary<BrokenRequest> = fc
  .oneof(
    fc.constantFrom(...CLASSICS),
    // Lengths that lie, on both sides.
    fc.integer({ min: 0, max: 200_000 }).map((length) => withLength(String(length))),
    hostileBytes.map((bytes) => toBytes(bytes).toString('latin1')),
    // A request of which the rest does not come.
    fc.tuple(wireRequest, fc.nat(99)).map(([request, share]) => {
      const bytes = toWire(request);
      return bytes.toString('latin1', 0, Math.floor((bytes.length * share) / 100));
    }),
    // A request with one byte turned over.
    fc.tuple(wireRequest, fc.nat(99), fc.nat(255)).map(([request, share, byte]) => {
      const bytes = toWire(request);
      bytes[Math.floor((bytes.length * share) / 100)] = byte;
      return bytes.toString('latin1');
    }),
  )
  .map((latin1) => ({ latin1 }));
