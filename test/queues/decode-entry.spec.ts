import { expect } from 'chai';
import fc from 'fast-check';
import { storableText } from '../../lib/storable-text.ts';
import { type Decoded, makeEntryDecoder, type Rejection } from '../../queues/decode-entry.ts';
import { fateOf, jobEntry } from '../chaos/fuzz/job-entries.ts';
import { toBytes } from '../helpers/hostile-text.ts';

type Text = string | Buffer;

const START = [
  ['game_id', 'game-1'],
  ['image_ref', 'galaxy/engine:1.4.2'],
  ['requested_at_ms', '1767225600000'],
] as const;
const NOW = 1_767_225_600_123;
const INVALID_UTF8 = Buffer.from([0x61, 0xff, 0xc3, 0x28, 0x62]);

const decoder = makeEntryDecoder({ startJobs: 'starts', stopJobs: 'stops', now: () => NOW });
const asEntry = (fields: readonly (readonly [Text, Text])[], stream = 'starts') => ({
  stream,
  id: '7-1',
  fields: fields.map(([name, value]) => [Buffer.from(name), Buffer.from(value)] as const),
});
const decode = (fields: readonly (readonly [Text, Text])[], stream?: string): Decoded =>
  decoder.decode(asEntry(fields, stream));
/** The start entry, with fields replaced, added (any name) or taken away (undefined). */
const startWith = (changes: Record<string, Text | undefined>): (readonly [Text, Text])[] => [
  ...START.filter(([name]) => !(name in changes)),
  ...Object.entries(changes).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  ),
];

function rejectionOf(decoded: Decoded): Rejection {
  if ('rejection' in decoded) return decoded.rejection;
  throw new Error(`expected a rejection, got ${JSON.stringify(decoded.operation)}`);
}
function operationOf(decoded: Decoded) {
  if ('operation' in decoded) return decoded.operation;
  throw new Error(`expected an operation, got ${decoded.rejection.errorMessage}`);
}
const letterOf = ({ messages }: Rejection) => messages.find((message) => message.channel === 'dead_letters');
const answerOf = ({ messages }: Rejection) => messages.find((message) => message.channel === 'job_results');
const keptFields = (rejection: Rejection) => JSON.parse(letterOf(rejection)?.fields.fields_json ?? '');

describe('decoding a job entry', () => {
  it('makes a start of a start job', () => {
    expect(decode(START)).to.deep.equal({
      operation: {
        gameId: 'game-1',
        opKind: 'start',
        opSource: 'lobby_stream',
        sourceRef: 'starts/7-1',
        imageRef: 'galaxy/engine:1.4.2',
        reason: null,
        requestedAt: 1_767_225_600_000,
      },
    });
  });

  it('makes a stop of a stop job', () => {
    const decoded = decode(
      [
        ['reason', 'timeout'],
        ['game_id', 'g'],
        ['requested_at_ms', '1'],
      ],
      'stops',
    );
    expect(decoded).to.deep.equal({
      operation: {
        gameId: 'g',
        opKind: 'stop',
        opSource: 'lobby_stream',
        sourceRef: 'stops/7-1',
        imageRef: null,
        reason: 'timeout',
        requestedAt: 1,
      },
    });
  });

  it('ignores fields that it does not know, whatever they are called and whatever they hold', () => {
    const extra = startWith({ constructor: 'x', toString: 'x', '': '', '\0': '\0', reason: 'none of ours' });
    const decoded = decode([...extra, ['__proto__', '{"game_id":"other"}'], [INVALID_UTF8, INVALID_UTF8]]);
    expect(decoded).to.have.nested.property('operation.gameId', 'game-1');
    expect(({} as Record<string, unknown>).game_id).to.equal(undefined);
  });

  it('ignores a field that only the other kind of job has, also one that PostgreSQL can not hold', () => {
    const stop = [...startWith({ image_ref: '\0' }), ['reason', 'timeout']] as const;
    expect(decode(startWith({ reason: '\0' }))).to.deep.include({
      operation: { ...operationOf(decode(START)), reason: null },
    });
    expect(operationOf(decode(stop, 'stops'))).to.include({ imageRef: null, reason: 'timeout' });
  });

  it('does not take an inherited property for a field', () => {
    expect(rejectionOf(decode([['__proto__', 'x']])).errorMessage).to.include('game_id');
  });

  it('leaves an image reference that no reference can be made of to the operation, for a person has to hear of it', () => {
    expect(decode(startWith({ image_ref: 'NOT//an image' }))).to.have.nested.property(
      'operation.imageRef',
      'NOT//an image',
    );
  });

  const POISON: Record<string, [fields: readonly (readonly [Text, Text])[], said: string]> = {
    'game_id is missing': [startWith({ game_id: undefined }), 'field "game_id" is missing'],
    'image_ref is missing': [startWith({ image_ref: undefined }), 'field "image_ref" is missing'],
    'requested_at_ms is missing': [
      startWith({ requested_at_ms: undefined }),
      'field "requested_at_ms" is missing',
    ],
    'no field is there at all': [[], 'is missing'],
    'game_id is empty': [startWith({ game_id: '' }), 'field "game_id" must be'],
    'game_id leads out of the state root': [startWith({ game_id: 'a/../b' }), 'field "game_id" must be'],
    'game_id has two dots': [startWith({ game_id: 'a..b' }), 'field "game_id" must be'],
    'game_id is too long': [startWith({ game_id: 'a'.repeat(129) }), 'field "game_id" must be'],
    'game_id holds NUL': [startWith({ game_id: 'a\0b' }), 'field "game_id" must be'],
    'game_id is no UTF-8': [startWith({ game_id: INVALID_UTF8 }), 'field "game_id" must be'],
    'game_id begins with a byte order mark': [
      startWith({ game_id: '\ufeffgame' }),
      'field "game_id" must be',
    ],
    'game_id ends with a line break': [startWith({ game_id: 'game\n' }), 'field "game_id" must be'],
    'image_ref is empty': [startWith({ image_ref: '' }), 'field "image_ref" must be'],
    'image_ref holds NUL': [startWith({ image_ref: 'engine\0:1' }), 'field "image_ref" must be'],
    'image_ref is too long': [startWith({ image_ref: 'e'.repeat(5_000) }), 'field "image_ref" must be'],
    'requested_at_ms is a date': [
      startWith({ requested_at_ms: '2026-01-01' }),
      'field "requested_at_ms" must be',
    ],
    'requested_at_ms is negative': [startWith({ requested_at_ms: '-1' }), 'field "requested_at_ms" must be'],
    'requested_at_ms is beyond all time': [
      startWith({ requested_at_ms: '9'.repeat(16) }),
      'field "requested_at_ms" must be',
    ],
    'a field appears twice': [[...START, ['image_ref', 'other:1']], 'field "image_ref" appears twice'],
    'a field without a name appears twice': [[...START, ['', '1'], ['', '2']], 'field "" appears twice'],
    'an unknown field appears twice': [[...START, ['x', '1'], ['x', '1']], 'field "x" appears twice'],
    '__proto__ appears twice': [
      [...START, ['__proto__', '1'], ['__proto__', '1']],
      'field "__proto__" appears twice',
    ],
  };

  for (const [what, [fields, said]] of Object.entries(POISON)) {
    it(`refuses an entry when ${what}, and says so`, () => {
      const rejection = rejectionOf(decode(fields));
      expect(rejection.errorMessage).to.include(said);
      expect(letterOf(rejection)?.fields).to.include({
        source_stream: 'starts',
        source_entry_id: '7-1',
        error_code: 'invalid_request',
        error_message: rejection.errorMessage,
        rejected_at_ms: String(NOW),
      });
    });
  }

  it('refuses a stop for a reason that is none', () => {
    const rejection = rejectionOf(
      decode(
        [
          ['game_id', 'g'],
          ['reason', 'boredom'],
          ['requested_at_ms', '1'],
        ],
        'stops',
      ),
    );
    expect(rejection.errorMessage).to.equal(
      'field "reason" must be one of orphan_cleanup, cancelled, finished, admin_request, timeout, got "boredom"',
    );
    expect(answerOf(rejection)?.fields).to.include({ op_kind: 'stop', game_id: 'g' });
  });

  it('answers whoever can be answered', () => {
    expect(answerOf(rejectionOf(decode(startWith({ image_ref: '' }))))).to.deep.equal({
      channel: 'job_results',
      gameId: 'game-1',
      dedupeKey: 'rejected:starts/7-1',
      fields: {
        game_id: 'game-1',
        outcome: 'failure',
        container_id: '',
        engine_endpoint: '',
        error_code: 'invalid_request',
        error_message:
          'field "image_ref" must be an image reference of 1 to 4096 characters without control characters, got ""',
        op_kind: 'start',
        request_entry_id: '7-1',
      },
    });
  });

  it('answers with the game_id as it was sent, also when that is what is wrong', () => {
    for (const game_id of ['../etc', 'a b', 'ä'.repeat(300), 'x'.repeat(512)]) {
      expect(answerOf(rejectionOf(decode(startWith({ game_id }))))?.fields.game_id).to.equal(game_id);
    }
  });

  it('answers with a game_id that PostgreSQL can hold where the one that was sent is none', () => {
    const answered = answerOf(rejectionOf(decode(startWith({ game_id: 'a\0b' }))));
    expect([answered?.gameId, answered?.fields.game_id]).to.deep.equal(['a\\u0000b', 'a\\u0000b']);
  });

  it('answers nobody when there is no game_id, or none that anybody could mean', () => {
    for (const game_id of [undefined, '', 'x'.repeat(513)]) {
      expect(answerOf(rejectionOf(decode(startWith({ game_id }))))).to.equal(undefined);
    }
  });

  it('keeps the entry in its dead letter: every field, also hostile names, and bytes that are no text', () => {
    const fields = [...startWith({ image_ref: '' }), ['__proto__', 'p'], ['constructor', 'c']] as const;
    expect(
      keptFields(rejectionOf(decode([...fields, ['nul', 'a\0b'], ['bytes', INVALID_UTF8]]))),
    ).to.deep.equal(
      JSON.parse(
        '{"game_id":"game-1","requested_at_ms":"1767225600000","image_ref":"","__proto__":"p","constructor":"c","nul":"a\\u0000b","bytes":"a\\\\xFF\\\\xC3(b"}',
      ),
    );
  });

  it('cuts what is too long to be kept between two characters, and says how much is missing', () => {
    // 16 KiB, without the names and the values that are whole.
    const room = 16_384 - 'game_idgame-1requested_at_ms1767225600000image_ref'.length;
    for (const character of ['x', 'é', '€', '😀']) {
      const bytes = Buffer.byteLength(character);
      const kept = Math.floor(room / bytes);
      const value = character.repeat(kept + 100);
      const { image_ref } = keptFields(rejectionOf(decode(startWith({ image_ref: value }))));
      expect(image_ref === `${character.repeat(kept)}… (${bytes * 100} more bytes cut)`).to.equal(true);
    }
  });

  it('keeps the shortest fields first, in their order, and counts those that do not fit', () => {
    const long = (length: number): string => 'x'.repeat(length);
    const lengths = { a: 9_000, b: 1, c: 8_000, d: 2, e: 7_000, f: 10_000 };
    const fields = Object.entries(lengths).map(([name, length]) => [name, long(length)] as const);
    const kept = keptFields(rejectionOf(decode(fields)));
    expect(Object.keys(kept)).to.deep.equal(['a', 'b', 'c', 'd', 'e', '…']);
    for (const name of ['b', 'c', 'd', 'e'] as const) expect(kept[name]).to.equal(long(lengths[name]));
    expect(kept.a).to.match(/^x{1000,}… \(\d+ more bytes cut\)$/);
    expect(kept['…']).to.equal('(1 more fields cut)');
  });

  it('makes letters of which a whole batch fits into one statement, however many and long the fields are', () => {
    const noText = Buffer.alloc(100_000, 0xff);
    for (const fields of [
      Array.from({ length: 200 }, (_, index) => [`field-${index}`, noText] as const),
      Array.from({ length: 200 }, (_, index) => [Buffer.concat([noText, Buffer.from([index])]), ''] as const),
      Array.from({ length: 100_000 }, (_, index) => [String(index), ''] as const),
    ]) {
      const messages = JSON.stringify(rejectionOf(decode(fields)).messages);
      expect(messages.length).to.be.lessThan(200_000);
    }
  });

  it('keeps what it says short, however long the entry', () => {
    const long = 'x'.repeat(1_000_000);
    for (const fields of [startWith({ game_id: long }), [...START, [long, '1'], [long, '2']] as const]) {
      expect(rejectionOf(decode(fields)).errorMessage.length).to.be.lessThan(500);
    }
  });

  it('copes with a value of many megabytes that is no text', () => {
    const bytes = Buffer.alloc(16 * 1024 * 1024, 0xff);
    const kept = keptFields(rejectionOf(decode(startWith({ image_ref: bytes }))));
    expect(kept.image_ref).to.match(/^(\\xFF){1000}/);
    expect(kept.image_ref.length).to.be.lessThan(70_000);
  });

  it('makes of any bytes an operation, or messages that PostgreSQL can hold', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 8 }).map((value) => Buffer.from(value)),
      fc.uint8Array({ maxLength: 8 }).map((value) => Buffer.from(value)),
      fc.constantFrom(...START.flat()).map((value) => Buffer.from(value)),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 6 }), (fields) => {
        const decoded = decode(fields);
        if ('operation' in decoded) return;
        for (const message of decoded.rejection.messages) {
          expect(storableText(message.gameId)).to.equal(message.gameId);
          expect(message.fields.error_code).to.equal('invalid_request');
        }
        expect(letterOf(decoded.rejection)).to.not.equal(undefined);
      }),
      { numRuns: 300 },
    );
  });

  it('comes of everything near a job to what the words of the contract say', () => {
    fc.assert(
      fc.property(jobEntry, (job) => {
        const fields = job.fields.map(([name, value]) => [toBytes(name), toBytes(value)] as const);
        const decoded = decode(fields, job.kind === 'start' ? 'starts' : 'stops');
        const { accepted, answeredTo } = fateOf(job);
        expect('operation' in decoded).to.equal(accepted);
        if ('operation' in decoded) expect(decoded.operation.gameId).to.equal(answeredTo);
        else expect(answerOf(decoded.rejection)?.fields.game_id).to.equal(answeredTo);
      }),
      { numRuns: 1_000 },
    );
  });

  describe('that the database will not hold', () => {
    it('tells its sender and keeps a dead letter without the other fields', () => {
      const rejection = decoder.refuse(asEntry(START));
      expect(letterOf(rejection)?.fields).to.include({
        source_entry_id: '7-1',
        fields_json: '{"game_id":"game-1"}',
      });
      expect(answerOf(rejection)?.fields).to.include({
        game_id: 'game-1',
        outcome: 'failure',
        request_entry_id: '7-1',
      });
    });

    it('tells nobody when its game_id may be the reason', () => {
      const rejection = decoder.refuse(asEntry(startWith({ game_id: 'a\0b' })));
      expect(rejection.messages.map((message) => message.channel)).to.deep.equal(['dead_letters']);
    });
  });
});
