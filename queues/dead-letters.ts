import type { Redis } from 'ioredis';
import { makeMessageValidator } from '../lib/contracts.ts';
import type { DeadLetter } from '../lib/dead-letter.ts';
import { RuntimeError } from '../lib/errors.ts';
import type { NewOperation } from '../sql/accept-operations.ts';
import type { EntryDecoder } from './decode-entry.ts';

type Fields = Readonly<Record<string, string>>;
type RawEntry = [id: string, flat: string[]];

interface DeadLettersOptions {
  redis: Redis;
  /** The stream of dead letters. */
  stream: string;
  /** The streams that the decoder knows. */
  jobStreams: readonly string[];
  /** The pump's: what it takes, a replay takes. */
  decoder: EntryDecoder;
}

/** Reads what the pump put aside, and makes operations of it once it is mended. Both reject with `service_unavailable` while Redis is away. */
export function makeDeadLetters({ redis, stream, jobStreams, decoder }: DeadLettersOptions) {
  const isLetter = makeMessageValidator('runtime-jobs', 'dead_letter');

  /** What is no dead letter was put there by somebody else, and is left out. */
  function read([letterId, flat]: RawEntry): DeadLetter[] {
    const fields = toRecord(flat);
    if (!isLetter(fields).ok) return [];
    return [
      {
        letterId,
        ref: `${stream}/${letterId}`,
        sourceStream: fields.source_stream ?? '',
        sourceEntryId: fields.source_entry_id ?? '',
        errorCode: fields.error_code ?? '',
        errorMessage: fields.error_message ?? '',
        fields: JSON.parse(fields.fields_json ?? '{}') as Fields,
        rejectedAt: Number(fields.rejected_at_ms),
      },
    ];
  }

  return {
    /**
     * One page, newest first.
     *
     * @param before the letter behind which the page begins; the newest is its first when left out
     * @returns `next`, the letter behind which the next page begins, if there is one
     */
    async list({ limit, before }: { limit: number; before: string | undefined }) {
      const newest = before === undefined ? '+' : `(${before}`;
      // One more than asked for tells whether there is another page.
      const entries = await answerOf(redis.xrevrange(stream, newest, '-', 'COUNT', limit + 1));
      const page = entries.slice(0, limit);
      const next = entries.length > limit ? page.at(-1)?.[0] : undefined;
      return { letters: page.flatMap(read), next };
    },

    /**
     * The operation that a letter comes to with `corrections` laid over its fields. However often it is made, it is one:
     * its `sourceRef` is the letter, and its job result answers the letter's id.
     *
     * Rejects with `not_found` for a letter that is not there, `conflict` for one of a stream that is not read any more,
     * `invalid_request` for one that still can not be accepted.
     */
    async revive(letterId: string, corrections: Fields): Promise<NewOperation> {
      const [entry] = await answerOf(redis.xrange(stream, letterId, letterId));
      const [letter] = entry ? read(entry) : [];
      if (!letter) throw new RuntimeError('not_found', `There is no dead letter ${letterId}`);
      if (!jobStreams.includes(letter.sourceStream)) {
        throw new RuntimeError(
          'conflict',
          `The letter came by the stream ${letter.sourceStream}; requests come by ${jobStreams.join(' and ')} now`,
        );
      }
      const decoded = decoder.decode({
        stream: letter.sourceStream,
        id: letterId,
        fields: Object.entries({ ...letter.fields, ...corrections }).map(
          ([name, value]) => [Buffer.from(name), Buffer.from(value)] as const,
        ),
      });
      if ('operation' in decoded) return { ...decoded.operation, sourceRef: letter.ref };
      throw new RuntimeError(
        'invalid_request',
        `The letter can not be accepted yet: ${decoded.rejection.errorMessage}; correct it by "fields"`,
      );
    },
  };
}

async function answerOf<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (cause) {
    throw new RuntimeError('service_unavailable', 'Redis does not give the dead letters; try again', {
      cause,
    });
  }
}

function toRecord(flat: readonly string[]): Fields {
  const fields: Record<string, string> = {};
  for (let index = 0; index + 1 < flat.length; index += 2) fields[flat[index] ?? ''] = flat[index + 1] ?? '';
  return fields;
}
