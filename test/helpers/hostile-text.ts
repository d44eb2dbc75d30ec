import fc, { type Arbitrary } from 'fast-check';

/** Text or bytes in a few words, so that a case of a megabyte can be printed. */
export type Bytes = string | { readonly hex: string } | { readonly times: number; readonly of: string };

export function toBytes(value: Bytes): Buffer {
  if (typeof value === 'string') return Buffer.from(value);
  return 'hex' in value
    ? Buffer.from(value.hex, 'hex')
    : Buffer.alloc(value.times, Buffer.from(value.of, 'hex'));
}

/** Strings that have broken somebody's parser. */
const CLASSICS = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\r\n',
  '\ufeff',
  '\ud800',
  '\u202e',
  '__proto__',
  'constructor',
  'toString',
  'null',
  'undefined',
  'NaN',
  '-0',
  '1e400',
  '../../etc/passwd',
  '%00',
  '%2e%2e%2f',
  '%zz',
  "'; drop table rtmanager.operation_log; --",
  '{"a":{"b":[1,2,{}]}}',
  '[[[[[[',
  '\\x00\\u0000',
  '🙂👩‍👩‍👧',
  'ｇａｍｅ',
  'gаme-1',
];

export const hostileString: Arbitrary<string> = fc.oneof(
  fc.constantFrom(...CLASSICS),
  fc.string({ unit: 'binary', maxLength: 24 }),
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.string({ maxLength: 24 }),
);

/** Up to a megabyte, which only few are: each has to be carried. */
export const hostileBytes: Arbitrary<Bytes> = fc.oneof(
  { weight: 8, arbitrary: hostileString },
  {
    weight: 4,
    arbitrary: fc.uint8Array({ maxLength: 32 }).map((bytes) => ({ hex: Buffer.from(bytes).toString('hex') })),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      times: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 100, max: 20_000 }) },
        { weight: 1, arbitrary: fc.integer({ min: 20_000, max: 1_048_576 }) },
      ),
      of: fc.constantFrom('78', '00', 'ff', 'c3a9', 'f09f9982', '5c', '22', '0a'),
    }),
  },
);

/** Ids near the rules of lib/game-id.ts, on both sides. */
export const hostileGameId: Arbitrary<string> = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'aZ09._-/ \\:é\0'), maxLength: 12 }),
  fc.integer({ min: 126, max: 130 }).map((length) => 'g'.repeat(length)),
  fc.integer({ min: 510, max: 514 }).map((length) => 'g'.repeat(length)),
  fc.constantFrom(
    'a..b',
    '..',
    '.',
    '-a',
    '_a',
    'a.',
    'a-',
    'A',
    'a',
    'a\n',
    'a/../b',
    'game-1 ',
    'GAME-1',
    'a%2Fb',
  ),
  hostileString,
);

const SHA = '0123456789abcdef'.repeat(4);

/** Every corner of the grammar of github.com/distribution/reference, joined well or badly. */
export const hostileImageRef: Arbitrary<string> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(
        '',
        '',
        'docker.io/',
        'index.docker.io/',
        'localhost/',
        '127.0.0.1:1/',
        '[::1]:5000/',
        'Reg.Example/',
        'reg_x.example/',
        'host:port/',
        '-x.io/',
        'https://h/',
        '/',
        '//',
        'user:pw@h.io/',
      ),
      fc
        .array(
          fc.constantFrom(
            'a',
            'library',
            'galaxy',
            'e-n',
            'e__n',
            'e___n',
            'e.n',
            'e..n',
            'E',
            '-e',
            'e-',
            '_',
            '',
            'é',
            'e n',
            'a'.repeat(260),
          ),
          { maxLength: 4 },
        )
        .map((parts) => parts.join('/')),
      fc.constantFrom(
        '',
        '',
        ':1.4.2',
        ':',
        ':.1',
        ':-1',
        ':latest',
        ':a:b',
        `:${'t'.repeat(128)}`,
        `:${'t'.repeat(129)}`,
        ':é',
        ':1 ',
      ),
      fc.constantFrom(
        '',
        '',
        '',
        `@sha256:${SHA}`,
        '@',
        '@sha256:',
        `@sha256:${SHA.toUpperCase()}`,
        `@md5:${SHA}`,
        `@sha512:${SHA}${SHA}`,
        '@@',
        `@sha256:${SHA}@sha256:${SHA}`,
      ),
    )
    .map((parts) => parts.join('')),
  fc.constantFrom(SHA, `sha256:${SHA}`, 'scratch', 'a'.repeat(4_096), 'a'.repeat(4_097), '🙂'.repeat(4_096)),
  hostileString,
);

/** Times near the rules: digits, signs, points, exponents, and numbers that no calendar has. */
export const hostileTime: Arbitrary<string> = fc.oneof(
  fc.integer({ min: 1, max: 20 }).map((digits) => '9'.repeat(digits)),
  fc.constantFrom(
    '0',
    '00',
    '-1',
    '+1',
    '1.5',
    '1e3',
    '0x10',
    ' 1',
    '1 ',
    '１',
    '253402300799999',
    '253402300800000',
    '8640000000000001',
    'soon',
  ),
  fc.maxSafeNat().map(String),
  hostileString,
);
