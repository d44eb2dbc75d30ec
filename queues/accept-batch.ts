import type { CommonQueryMethods } from 'slonik';
import type { Logger } from '../lib/logger.ts';
import type { Message } from '../lib/messages.ts';
import { acceptEntries, type CursorMove } from '../sql/accept-entries.ts';
import type { AcceptedOperation, NewOperation } from '../sql/accept-operations.ts';
import { isDataError } from '../sql/map-error.ts';
import { findAskedToRun } from '../sql/operation-log.ts';
import { type DecodedEntry, settleTies } from './arrival-order.ts';
import type { EntryDecoder, Rejection } from './decode-entry.ts';
import type { StreamEntry } from './stream-reader.ts';

/** Somebody else moved a cursor: this pump must stop, and what it was about to insert was not inserted. */
export class PumpFencedError extends Error {}

/** What a batch came to. */
export interface Accepted {
  /** What was new; each is of a game that has work. */
  readonly operations: readonly AcceptedOperation[];
  /** Games whose rejected entries have answers to publish. */
  readonly answered: readonly string[];
  /** The stream of each entry that was rejected. */
  readonly rejectedFrom: readonly string[];
}

interface Poison {
  readonly entry: StreamEntry;
  readonly rejection: Rejection;
}

interface AcceptDeps {
  decoder: EntryDecoder;
  log: Logger;
}

/** What was written of some entries. */
interface Written {
  readonly operations: readonly AcceptedOperation[];
  readonly poison: readonly Poison[];
}

/**
 * Accepts entries in their order: operations are queued, the rest becomes dead letters with answers, and the cursors
 * move, all in one transaction on the session that holds the pump lock. A batch that the database refuses for its
 * content is taken entry by entry, so that one entry never holds up the others.
 */
export async function acceptBatch(
  session: CommonQueryMethods,
  entries: readonly StreamEntry[],
  cursors: Map<string, string>,
  { decoder, log }: AcceptDeps,
): Promise<Accepted> {
  const items = await settleTies(
    entries.map((entry) => ({ entry, decoded: decoder.decode(entry) })),
    (gameIds) => findAskedToRun(session, gameIds),
  );
  // By the entries, not by the items: those of one stream may have changed places with other games'.
  const last = new Map(entries.map((entry) => [entry.stream, entry.id]));
  const moves = [...last].map(([stream, to]) => ({ stream, from: cursors.get(stream) ?? '0-0', to }));
  const { operations, poison } = await write(session, items, moves).catch((error: unknown) => {
    if (!isDataError(error)) throw error;
    return session.transaction((transaction) => writeOneByOne(transaction, items, moves, { decoder, log }));
  });
  for (const [stream, to] of last) cursors.set(stream, to);
  // Only now, so that an entry is told of once however often it had to be tried.
  for (const one of poison) tell(one, log);
  const answered = [...new Set(poison.flatMap(messagesOf).map((message) => message.gameId))];
  return { operations, answered, rejectedFrom: poison.map(({ entry }) => entry.stream) };
}

async function write(
  db: CommonQueryMethods,
  items: readonly DecodedEntry[],
  moves: readonly CursorMove[],
): Promise<Written> {
  const requests: NewOperation[] = [];
  const poison: Poison[] = [];
  for (const { entry, decoded } of items) {
    if ('operation' in decoded) requests.push(decoded.operation);
    else poison.push({ entry, rejection: decoded.rejection });
  }
  const messages = poison.flatMap(messagesOf);
  const operations = await acceptEntries(db, { moves, operations: requests, messages });
  if (!operations) throw new PumpFencedError(moves.map(({ stream }) => stream).join(', '));
  return { operations, poison };
}

/** Each entry in a savepoint of its own; what the database refuses becomes a dead letter. */
async function writeOneByOne(
  transaction: CommonQueryMethods,
  items: readonly DecodedEntry[],
  moves: readonly CursorMove[],
  { decoder, log }: AcceptDeps,
): Promise<Written> {
  await write(transaction, [], moves);
  const operations: AcceptedOperation[] = [];
  const poison: Poison[] = [];
  const add = async (item: DecodedEntry): Promise<void> => {
    const written = await transaction.transaction((savepoint) => write(savepoint, [item], []));
    operations.push(...written.operations);
    poison.push(...written.poison);
  };
  for (const item of items) {
    try {
      await add(item);
    } catch (error) {
      if (!isDataError(error)) throw error;
      log.error('an entry was refused by the database', { error });
      await add({ entry: item.entry, decoded: { rejection: decoder.refuse(item.entry) } });
    }
  }
  return { operations, poison };
}

const messagesOf = ({ rejection }: Poison): readonly Message[] => rejection.messages;

function tell({ entry, rejection }: Poison, log: Logger): void {
  log.warn('poison entry: kept as a dead letter', {
    stream: entry.stream,
    entry_id: entry.id,
    error_code: 'invalid_request',
    error_message: rejection.errorMessage,
  });
}
