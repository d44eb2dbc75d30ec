import { METHODS } from 'node:http';
import fc, { type Arbitrary } from 'fast-check';
import { listOperations, type Operation } from '../../../lib/contracts.ts';
import {
  type Bytes,
  hostileBytes,
  hostileGameId,
  hostileImageRef,
  hostileString,
  hostileTime,
} from '../../helpers/hostile-text.ts';
import { PRESENT_IMAGES } from './job-entries.ts';
import type { WireRequest } from './wire-request.ts';

const VISIBLE = Array.from({ length: 0x7e - 0x20 }, (_, index) => String.fromCharCode(0x21 + index));
const HEADER_CHARACTERS = [...VISIBLE, ' ', '\t', ...'\u0080\u00a0é\u00ff'];

/** Whatever a text holds, as HTTP can carry it in a target: bytes beyond the visible ones are percent-encoded. */
const inTarget = (text: string): string => encodeURIComponent(text.toWellFormed()).replaceAll('%2F', '/');
const targetText = fc.oneof(
  hostileString.map((text) => encodeURIComponent(text.toWellFormed())),
  fc.string({ unit: fc.constantFrom(...VISIBLE.filter((one) => one !== '#')), maxLength: 16 }),
  fc.constantFrom(
    '%',
    '%2',
    '%zz',
    '%00',
    '%2e%2e',
    '%2e%2e%2f%2e%2e%2fetc',
    '..',
    '.',
    '%c3%28',
    '%ff',
    '%F0%9F',
    '%25zz',
    '',
  ),
);
const headerText = fc
  .string({ unit: fc.constantFrom(...HEADER_CHARACTERS), maxLength: 24 })
  .map((text) => text.trim());

const gameId = fc.oneof(
  { weight: 6, arbitrary: fc.nat(30).map((number) => `fuzzed-${number}`) },
  { weight: 1, arbitrary: hostileGameId.map(inTarget) },
  { weight: 1, arbitrary: targetText },
);
const uuid = fc.uuid();
const operationId = fc.oneof(
  uuid,
  uuid.map((id) => id.toUpperCase()),
  targetText,
);

const letterId = fc.oneof(
  fc.tuple(fc.nat(), fc.nat(9)).map((parts) => parts.join('-')),
  fc.constantFrom('0-0', `${'9'.repeat(19)}-${'9'.repeat(19)}`, `${'9'.repeat(20)}-0`, '-', '+', '1', '(1-0'),
  targetText,
);

const base64 = (text: string): string => Buffer.from(text).toString('base64url');
const cursor = fc.oneof(
  gameId.map(base64),
  fc.tuple(gameId, hostileTime, operationId).map((parts) => base64(parts.join('/'))),
  letterId.map(base64),
  hostileString.map(base64),
  targetText,
);
const queryValues: ReadonlyMap<string, Arbitrary<string>> = new Map(
  Object.entries({
    status: fc.oneof(fc.constantFrom('running', 'stopped', 'removed', 'Running', ''), targetText),
    limit: fc.oneof(
      fc.constantFrom('1', '500', '501', '0', '-1', '1.0', '1e2', '01', '9'.repeat(30)),
      targetText,
    ),
    cursor,
    tail: fc.oneof(fc.constantFrom('0', '1', '10000', '10001', '-1', 'all', '1.0'), targetText),
    // Not `true`: an answer without an end would be waited for.
    follow: fc.constantFrom('false', 'TRUE', '1', 'yes', ''),
  }),
);
const queryPair = fc
  .oneof(fc.constantFrom(...queryValues.keys()), targetText)
  .chain((name) => (queryValues.get(name) ?? targetText).map((value) => `${name}=${value}`));
const query = fc.oneof(
  { weight: 4, arbitrary: fc.constant('') },
  { weight: 2, arbitrary: fc.array(queryPair, { maxLength: 3 }).map((pairs) => `?${pairs.join('&')}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '?',
      '??',
      '?&',
      '?limit=1&limit=2',
      '?limit[]=1',
      '?limit[a]=1',
      '?__proto__=1',
      `?${'a&'.repeat(1_500)}`,
    ),
  },
);

/** An answer without an end would be waited for; it has a spec of its own (test/rest/events.spec.ts). */
const listed = listOperations().filter(({ operationId }) => operationId !== 'internalStreamEvents');
/** Paths beside those of the contract. */
const otherPath = fc.oneof(
  fc.constantFrom(
    '/',
    '/api',
    '/api/v1/internal',
    '/api/v1/internal/',
    '/admin/nothing',
    '/admin/console/main.js/',
    '/admin/queues',
    '/favicon.ico',
    '/healthz/',
    '//healthz',
    '/./healthz',
    '*',
    '/api/v1/internal/../../../healthz',
    '/api/v1/internal/runtimes/',
    '/API/v1/internal/runtimes',
    '/api/v1/internal/runtimes/g/stop/',
    '/api/v1/internal//runtimes',
  ),
  fc.array(targetText, { minLength: 1, maxLength: 5 }).map((parts) => `/${parts.join('/')}`),
);
const targetOf = ({ path }: Operation): Arbitrary<string> =>
  fc.tuple(gameId, operationId, letterId).map(([game, operation, letter]) =>
    path
      .replace('{game_id}', () => game)
      .replace('{operation_id}', () => operation)
      .replace('{entry_id}', () => letter),
  );

/** JSON that a schema wants, nearly wants, or never heard of. */
const bodyText: Arbitrary<Bytes> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(...PRESENT_IMAGES).map((image_ref) => JSON.stringify({ image_ref })),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('finished', 'timeout', 'boredom').map((reason) => JSON.stringify({ reason })),
  },
  { weight: 2, arbitrary: hostileImageRef.map((image_ref) => JSON.stringify({ image_ref })) },
  {
    weight: 1,
    arbitrary: fc
      .dictionary(
        fc.constantFrom('game_id', 'image_ref', 'reason', 'requested_at_ms', '__proto__'),
        hostileString,
      )
      .map((fields) => JSON.stringify({ fields })),
  },
  { weight: 1, arbitrary: fc.constant('{}') },
  {
    weight: 3,
    arbitrary: fc
      .dictionary(
        fc.oneof(fc.constantFrom('image_ref', 'reason', '__proto__', 'constructor'), hostileString),
        fc.jsonValue({ maxDepth: 2 }),
        { maxKeys: 3 },
      )
      .map((value) => JSON.stringify(value)),
  },
  { weight: 1, arbitrary: fc.json({ maxDepth: 3 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '{"image_ref":"a","image_ref":"b"}',
      '{"image_ref":"\\ud800"}',
      '{"image_ref":"a"',
      '[',
      '"',
      '{"a":1e999}',
      '['.repeat(30_000),
      '\ufeff{}',
    ),
  },
  { weight: 2, arbitrary: hostileBytes },
);

const CONTENT_TYPES = [
  'text/plain',
  '',
  'application/json; charset=utf-8',
  'application/json;charset=latin1',
  'application/json\u00a0',
  'application/json; charset="',
  'application/json;;;',
  'application/*',
  'APPLICATION/JSON',
  'application/json, text/plain',
  'multipart/form-data',
];
const header: Arbitrary<readonly [string, string]> = fc.oneof(
  fc.tuple(
    fc.constant('Prefer'),
    fc.oneof(
      fc.constantFrom(
        'respond-async',
        'respond-async, wait=1',
        'return=minimal',
        'foo; bar="respond-async"',
        'RESPOND-ASYNC;',
        '"',
        'wait=0',
      ),
      headerText,
    ),
  ),
  fc.tuple(
    fc.constant('Idempotency-Key'),
    fc.oneof(
      fc.nat(50).map(String),
      fc.constantFrom('', 'a b', 'k'.repeat(255), 'k'.repeat(256)),
      headerText,
    ),
  ),
  fc.tuple(
    fc.constant('X-Galaxy-Caller'),
    fc.oneof(fc.constantFrom('gm', 'admin', 'GM', '', 'gm, gm'), headerText),
  ),
  fc.tuple(fc.constant('Content-Type'), fc.oneof(fc.constantFrom(...CONTENT_TYPES), headerText)),
  fc.tuple(fc.constant('Content-Encoding'), fc.constantFrom('gzip', 'identity', 'br', 'x', '')),
  fc.tuple(fc.constant('Expect'), fc.constantFrom('100-continue', '100-Continue', 'a-miracle', '')),
  fc.tuple(
    fc.constantFrom(
      'Accept',
      'Accept-Encoding',
      'Authorization',
      'Cookie',
      'If-None-Match',
      'Range',
      'Origin',
      'Sec-Fetch-Site',
      'Last-Event-ID',
      'Upgrade',
      'X-Forwarded-For',
      'X-HTTP-Method-Override',
      'Date',
      'TE',
    ),
    headerText,
  ),
  fc.tuple(
    fc.stringMatching(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}$/).map((name) => `X-${name}`),
    headerText,
  ),
);

const method = fc.constantFrom(...METHODS.filter((one) => one !== 'CONNECT'));
const hosts = fc.oneof(
  { weight: 20, arbitrary: fc.constant<[string, string][]>([['Host', '127.0.0.1']]) },
  { weight: 1, arbitrary: fc.constant<[string, string][]>([]) },
  { weight: 1, arbitrary: headerText.map((host): [string, string][] => [['Host', host]]) },
);

/** A request of the contract, with whatever may be wrong in it. */
export const wireRequest: Arbitrary<WireRequest> = fc.constantFrom(...listed).chain((operation) =>
  fc.record({
    method: fc.oneof(
      { weight: 9, arbitrary: fc.constant(operation.method.toUpperCase()) },
      { weight: 1, arbitrary: method },
    ),
    target: fc.oneof(
      { weight: 9, arbitrary: fc.tuple(targetOf(operation), query).map((parts) => parts.join('')) },
      { weight: 1, arbitrary: fc.tuple(otherPath, query).map((parts) => parts.join('')) },
    ),
    version: fc.constant<'1.1'>('1.1'),
    headers: fc
      .tuple(hosts, fc.array(header, { maxLength: 3 }), fc.boolean(), fc.boolean())
      .map(([host, more, asJson, async]) => [
        ...host,
        ...(asJson || operation.requestBody ? ([['Content-Type', 'application/json']] as const) : []),
        ...(async ? ([['Prefer', 'respond-async']] as const) : []),
        ...more,
      ]),
    body: fc.oneof(
      { weight: operation.requestBody ? 8 : 1, arbitrary: bodyText },
      { weight: 1, arbitrary: fc.constant(undefined) },
    ),
    chunked: fc.boolean(),
  }),
);
