import fc, { type Arbitrary } from 'fast-check';
import {
  type Bytes,
  hostileBytes,
  hostileGameId,
  hostileImageRef,
  hostileTime,
  toBytes,
} from '../../helpers/hostile-text.ts';
import { STREAMS } from '../../helpers/lobby.ts';

/** On the fake daemon, and so run in a millisecond; every other image is in no registry. */
export const PRESENT_IMAGES = [
  'galaxy/game:1.4.2',
  'galaxy/game:1.4.3',
  'registry.example:5000/engine:2.0.0',
];

/** An entry of a job stream, as it is to be written. */
export interface JobEntry {
  readonly kind: 'start' | 'stop';
  readonly fields: readonly (readonly [name: Bytes, value: Bytes])[];
}

export const streamOf = ({ kind }: Pick<JobEntry, 'kind'>): string =>
  kind === 'start' ? STREAMS.startJobs : STREAMS.stopJobs;

type Field = JobEntry['fields'][number];

const REASONS = ['orphan_cleanup', 'cancelled', 'finished', 'admin_request', 'timeout'];
const gameId = fc.nat(30).map((number) => `fuzzed-${number}`);

const startFields = fc.tuple(
  gameId.map((value): Field => ['game_id', value]),
  fc.constantFrom(...PRESENT_IMAGES).map((value): Field => ['image_ref', value]),
  fc.constant<Field>(['requested_at_ms', '1767225600000']),
);
const stopFields = fc.tuple(
  gameId.map((value): Field => ['game_id', value]),
  fc.constantFrom(...REASONS).map((value): Field => ['reason', value]),
  fc.constant<Field>(['requested_at_ms', '1767225600000']),
);

/** A step away from an entry that is well. */
type Mutation = (fields: readonly Field[]) => readonly Field[];

const hostileField = fc.tuple(
  fc.oneof(
    hostileBytes,
    fc.constantFrom('game_id', 'image_ref', 'reason', 'requested_at_ms', 'Game_Id', 'game_id '),
  ),
  hostileBytes,
);
const valueFor = (name: Bytes): Arbitrary<Bytes> => {
  if (name === 'game_id') return fc.oneof(hostileGameId, hostileBytes);
  if (name === 'image_ref')
    return fc.oneof({ weight: 4, arbitrary: hostileImageRef }, { weight: 1, arbitrary: hostileBytes });
  if (name === 'requested_at_ms') return fc.oneof(hostileTime, hostileBytes);
  return fc.oneof(fc.constantFrom('', 'Timeout', 'timeout ', 'boredom'), hostileBytes);
};
const place = fc.nat(2);
const common: Arbitrary<Mutation> = fc.oneof(
  // Dropped.
  place.map(
    (at): Mutation =>
      (fields) =>
        fields.filter((_, index) => index !== at),
  ),
  // With another value.
  fc
    .tuple(
      place,
      fc.record({
        game_id: valueFor('game_id'),
        image_ref: valueFor('image_ref'),
        reason: valueFor('reason'),
        requested_at_ms: valueFor('requested_at_ms'),
      }),
    )
    .map(
      ([at, values]): Mutation =>
        (fields) =>
          fields.map(([name, value], index) =>
            index === at && typeof name === 'string' && Object.hasOwn(values, name)
              ? [name, values[name as keyof typeof values]]
              : [name, value],
          ),
    ),
  // With another name.
  fc.tuple(place, hostileBytes).map(
    ([at, name]): Mutation =>
      (fields) =>
        fields.map((field, index) => (index === at ? [name, field[1]] : field)),
  ),
  // Twice.
  fc.tuple(place, hostileBytes).map(
    ([at, value]): Mutation =>
      (fields) => {
        const [name] = fields[at] ?? ['x'];
        return [...fields, [name, value]];
      },
  ),
  // Beside others.
  fc.array(hostileField, { minLength: 1, maxLength: 4 }).map(
    (more): Mutation =>
      (fields) => [...fields, ...more],
  ),
  // Turned round.
  fc.constant<Mutation>((fields) => fields.toReversed()),
);

const many: Arbitrary<Mutation> = fc.integer({ min: 10, max: 2_000 }).map(
  (count): Mutation =>
    (fields) => [...fields, ...Array.from({ length: count }, (_, index): Field => [`extra-${index}`, ''])],
);
const mutation = fc.oneof({ weight: 30, arbitrary: common }, { weight: 1, arbitrary: many });

/** Redis takes no entry without a field. */
const written = (kind: JobEntry['kind'], fields: readonly Field[]): JobEntry => ({
  kind,
  fields: fields.length > 0 ? fields : [['', '']],
});

const kinds = [
  ['start', startFields],
  ['stop', stopFields],
] as const;

/** An entry that is well, one that nearly is, or one of anything at all. */
export const jobEntry: Arbitrary<JobEntry> = fc.oneof(
  ...kinds.map(([kind, fields]) => ({
    weight: 1,
    arbitrary: fields.map((well) => written(kind, well)),
  })),
  ...kinds.map(([kind, fields]) => ({
    weight: 10,
    arbitrary: fc.tuple(fields, fc.array(mutation, { minLength: 1, maxLength: 3 })).map(([well, mutations]) =>
      written(
        kind,
        mutations.reduce<readonly Field[]>((made, mutate) => mutate(made), well),
      ),
    ),
  })),
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom('start', 'stop'), fc.array(hostileField, { maxLength: 5 }))
      .map(([kind, fields]) => written(kind, fields)),
  },
);

/** What must become of an entry, by rules that are written here once more, from the contract's words. */
export interface Fate {
  /** Whether it is an operation; a dead letter otherwise. */
  readonly accepted: boolean;
  /** The game that is answered; undefined where the entry names none that anybody could mean. */
  readonly answeredTo: string | undefined;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What is no UTF-8 is shown byte by byte. */
function shown(value: Bytes): string {
  if (typeof value === 'string') return value.toWellFormed();
  const bytes = toBytes(value);
  try {
    return utf8.decode(bytes);
  } catch {
    const hex = (byte: string) => `\\x${byte.charCodeAt(0).toString(16).toUpperCase()}`;
    return bytes.toString('latin1').replaceAll(/[\u0080-\u00ff]/g, hex);
  }
}

export function fateOf({ kind, fields }: JobEntry): Fate {
  const names = fields.map(([name]) => shown(name));
  const lastOf = (wanted: string): string | undefined => {
    const value = fields[names.lastIndexOf(wanted)]?.[1];
    // Longer than anything that is accepted, or answered.
    if (value === undefined || toBytes(value).length > 20_000) return undefined;
    return shown(value);
  };
  const game = lastOf('game_id');
  const isGame =
    game !== undefined && /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(game) && !game.includes('..');
  const isTime = /^[0-9]{1,14}$/.test(lastOf('requested_at_ms') ?? '');
  const asks =
    kind === 'start' ? isReference(lastOf('image_ref') ?? '') : REASONS.includes(lastOf('reason') ?? '');
  const isReadable = game !== undefined && game !== '' && game.length <= 512;
  return {
    accepted: new Set(names).size === names.length && isGame && isTime && asks,
    answeredTo: isReadable ? game.replaceAll('\0', '\\u0000') : undefined,
  };
}

/** Whether it is text that may be one: what is no reference ends as an operation, for a person has to hear of it. */
const isReference = (text: string): boolean => {
  const { length } = [...text];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what the rule is about
  return length >= 1 && length <= 4_096 && !/[\u0000-\u001f\u007f-\u009f]/.test(text);
};
