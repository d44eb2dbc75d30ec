import { showValue } from '../lib/contracts/show-value.ts';
import { type MessageValidator, makeMessageValidator, type Verdict } from '../lib/contracts.ts';
import { isGameId } from '../lib/game-id.ts';
import { type Message, makeDeadLetter, makeJobResult } from '../lib/messages.ts';
import { type ShownText, toShownText } from '../lib/shown-text.ts';
import { storableText } from '../lib/storable-text.ts';
import type { NewOperation } from '../sql/accept-operations.ts';
import { keptFields, readText } from './entry-text.ts';
import type { StreamEntry } from './stream-reader.ts';

/** What one entry comes to: an operation to queue, or messages that say why it can not be one. */
export type Decoded = { readonly operation: NewOperation } | { readonly rejection: Rejection };

export interface Rejection {
  readonly errorMessage: ShownText;
  readonly messages: readonly Message[];
}

export interface EntryDecoder {
  decode(entry: StreamEntry): Decoded;
  /** The rejection of an entry whose content the database will not hold; its fields are left out. */
  refuse(entry: StreamEntry): Rejection;
}

/** A game id is told back to its sender up to this length; a longer one is no id but noise. */
const READABLE_GAME_ID = 512;

interface DecodeOptions {
  startJobs: string;
  stopJobs: string;
  /** Epoch milliseconds. */
  now: () => number;
}

/** Checks entries against the stream contract and turns them into operations (spec, section 2.2). */
export function makeEntryDecoder({ startJobs, stopJobs, now }: DecodeOptions): EntryDecoder {
  const kinds = new Map<string, { opKind: 'start' | 'stop'; validate: MessageValidator }>([
    [startJobs, { opKind: 'start', validate: makeMessageValidator('runtime-jobs', 'start_job') }],
    [stopJobs, { opKind: 'stop', validate: makeMessageValidator('runtime-jobs', 'stop_job') }],
  ]);
  const kindOf = (entry: StreamEntry) => {
    const kind = kinds.get(entry.stream);
    if (!kind) throw new Error(`No contract for stream ${entry.stream}`);
    return kind;
  };

  return {
    decode(entry) {
      const { opKind, validate } = kindOf(entry);
      const { fields, repeated } = readFields(entry);
      const verdict: Verdict =
        repeated !== undefined
          ? { ok: false, message: `field ${showValue(repeated)} appears twice; once is accepted` }
          : validate(fields);
      if (!verdict.ok) {
        const game = fields.game_id;
        return {
          rejection: reject(
            entry,
            opKind,
            { game, kept: keptFields(entry.fields) },
            toShownText(verdict.message),
            now(),
          ),
        };
      }
      return {
        operation: {
          gameId: fields.game_id ?? '',
          opKind,
          opSource: 'lobby_stream',
          sourceRef: sourceRef(entry),
          // Fields of the other kind are none that this one knows.
          imageRef: (opKind === 'start' && fields.image_ref) || null,
          reason: (opKind === 'stop' && fields.reason) || null,
          requestedAt: Number(fields.requested_at_ms),
        },
      };
    },
    refuse(entry) {
      const { game_id } = readFields(entry).fields;
      const known = isGameId(game_id) ? { game: game_id, kept: { game_id } } : { game: undefined, kept: {} };
      return reject(
        entry,
        kindOf(entry).opKind,
        known,
        toShownText('the database refuses to keep this entry'),
        now(),
      );
    },
  };
}

/** `{stream}/{entry id}`: what makes an entry the same request however often it is read. */
export const sourceRef = ({ stream, id }: Pick<StreamEntry, 'stream' | 'id'>): string => `${stream}/${id}`;

/** The dead letter of an entry, and the answer to whoever sent it where it says for which game it was. */
function reject(
  entry: StreamEntry,
  opKind: 'start' | 'stop',
  { game = '', kept }: { game: string | undefined; kept: Readonly<Record<string, string>> },
  errorMessage: ShownText,
  nowMs: number,
): Rejection {
  const gameId = game.length <= READABLE_GAME_ID ? storableText(game) : '';
  const letter = makeDeadLetter({
    gameId,
    sourceStream: entry.stream,
    sourceEntryId: entry.id,
    errorCode: 'invalid_request',
    errorMessage,
    fieldsJson: JSON.stringify(kept),
    rejectedAtMs: nowMs,
  });
  if (gameId === '') return { errorMessage, messages: [letter] };
  const answer = makeJobResult({
    gameId,
    opKind,
    requestEntryId: entry.id,
    outcome: 'failure',
    errorCode: 'invalid_request',
    errorMessage,
  });
  return { errorMessage, messages: [letter, { ...answer, dedupeKey: `rejected:${sourceRef(entry)}` }] };
}

/** The fields as text, and the name of one that appears twice, if any. */
function readFields(entry: StreamEntry): { fields: Record<string, string>; repeated: string | undefined } {
  // No prototype: a field may be called anything.
  const fields: Record<string, string> = Object.create(null);
  let repeated: string | undefined;
  for (const [name, value] of entry.fields) {
    const key = readText(name);
    if (key in fields) repeated ??= key;
    fields[key] = readText(value);
  }
  return { fields, repeated };
}
