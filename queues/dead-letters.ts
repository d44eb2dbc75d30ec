import type { Redis } from 'ioredis';
import { makeMessageValidator } from '../lib/contracts.ts';
import type { DeadLetter } from '../lib/dead-letter.ts';
import { RuntimeError } from '../lib/errors.ts';
import type { NewOperation } from '../sql/accept-operations.ts';
import { type EntryDecoder, sourceRef } from './decode-entry.ts';

type Fields = Readonly<Record<string, string>>;
type RawEntry = [id: string, flat: string[]];

interface Revived {
  readonly operation: NewOperation;
  readonly since: number;
}

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

  /** The letter, or why it is none: anybody may write to the stream. The contract says that `fields_json` holds texts only. */
  function read([letterId, flat]: RawEntry): { letter: DeadLetter } | { flaw: string } {
    const fields = toRecord(flat);
    const verdict = isLetter(fields);
    if (!verdict.ok) return { flaw: verdict.message };
    const [sourceStream = '', sourceEntryId = ''] = [fields.source_stream, fields.source_entry_id];
    const rejectedAt = Number(fields.rejected_at_ms);
    return {
      letter: {
        letterId,
        // The letter may stand here twice, under two ids; the entry is one.
        ref: sourceRef({ stream: sourceStream, id: sourceEntryId }),
        isRead: jobStreams.includes(sourceStream),
        // A stream that is read again puts aside once more, later, what may have been replayed.
        since: Math.min(rejectedAt, Number(sourceEntryId.split('-')[0])),
        sourceStream,
        sourceEntryId,
        errorCode: fields.error_code ?? '',
        errorMessage: fields.error_message ?? '',
        fields: JSON.parse(fields.fields_json ?? '{}') as Fields,
        rejectedAt,
      },
    };
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
      const letters = page.map(read).flatMap((found) => ('letter' in found ? [found.letter] : []));
      return { letters, next };
    },

    /**
     * The operation that a letter comes to with `corrections` laid over its fields. However often it is made, it is one:
     * its `sourceRef` is that of the entry, as the pump would have it; its job result answers the letter's id.
     *
     * @returns also `since`: nothing was made of the letter before, epoch milliseconds
     *
     * Rejects with `not_found` for a letter that is not there, `conflict` for one of a stream that is not read any more,
     * `invalid_request` for one that still can not be accepted.
     */
    async revive(letterId: string, corrections: Fields): Promise<Revived> {
      const [entry] = await answerOf(redis.xrange(stream, letterId, letterId));
      if (!entry) throw new RuntimeError('not_found', `There is no dead letter ${letterId}`);
      const found = read(entry);
      if ('flaw' in found) {
        throw new RuntimeError('not_found', `What stands at ${letterId} is no dead letter: ${found.flaw}`);
      }
      const { letter } = found;
      if (!letter.isRead) {
        throw new RuntimeError(
          'conflict',
          `The letter came by the stream ${letter.sourceStream}; requests come by ${jobStreams.join(' and ')} now`,
        );
      }
      const decoded = decoder.decode({
        stream: letter.sourceStream,
        id: letter.sourceEntryId,
        fields: Object.entries({ ...letter.fields, ...corrections }).map(
          ([name, value]) => [Buffer.from(name), Buffer.from(value)] as const,
        ),
      });
      if ('operation' in decoded) {
        return { operation: { ...decoded.operation, letterId }, since: letter.since };
      }
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
