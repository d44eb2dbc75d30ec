import type { CommonQueryMethods } from 'slonik';
import type { Logger } from '../lib/logger.ts';
import { acceptOperations, type NewOperation } from '../sql/accept-operations.ts';
import { isDataError } from '../sql/map-error.ts';
import type { WaitingGame } from '../sql/operation-log.ts';
import { addMessages } from '../sql/outbox.ts';
import { moveCursor } from '../sql/stream-cursors.ts';
import type { EntryDecoder, Rejection } from './decode-entry.ts';
import type { StreamEntry } from './stream-reader.ts';

/** Somebody else moved a cursor: this pump must stop, and what it was about to insert was not inserted. */
export class PumpFencedError extends Error {}

/** What a batch came to. */
export interface Accepted {
  readonly games: readonly WaitingGame[];
  /** Games whose rejected entries have answers to publish. */
  readonly answered: readonly string[];
  readonly rejected: number;
}

interface Poison {
  readonly entry: StreamEntry;
  readonly rejection: Rejection;
}

/** What becomes of the entries of a batch. */
interface Decision {
  readonly operations: readonly NewOperation[];
  readonly poison: readonly Poison[];
  readonly log: Logger;
}

interface AcceptDeps {
  decoder: EntryDecoder;
  log: Logger;
}

/**
 * Accepts entries in their order: operations are queued, the rest becomes dead letters with answers, and the
 * cursors move, all in one transaction on the session that holds the pump lock. A batch that the database
 * refuses for its content is taken entry by entry, so that one entry never holds up the others.
 */
export async function acceptBatch(
  session: CommonQueryMethods,
  entries: readonly StreamEntry[],
  cursors: Map<string, string>,
  deps: AcceptDeps,
): Promise<Accepted> {
  const operations: NewOperation[] = [];
  const poison: Poison[] = [];
  for (const entry of entries) {
    const decoded = deps.decoder.decode(entry);
    if ('operation' in decoded) operations.push(decoded.operation);
    else poison.push({ entry, rejection: decoded.rejection });
  }
  try {
    return await write(session, entries, cursors, { operations, poison, log: deps.log });
  } catch (error) {
    if (!isDataError(error)) throw error;
    if (entries.length > 1) return acceptOneByOne(session, entries, cursors, deps);
    deps.log.error('an entry was refused by the database', { error });
    const refused = entries.map((entry) => ({ entry, rejection: deps.decoder.refuse(entry) }));
    return write(session, entries, cursors, { operations: [], poison: refused, log: deps.log });
  }
}

async function acceptOneByOne(
  session: CommonQueryMethods,
  entries: readonly StreamEntry[],
  cursors: Map<string, string>,
  deps: AcceptDeps,
): Promise<Accepted> {
  const parts: Accepted[] = [];
  for (const entry of entries) parts.push(await acceptBatch(session, [entry], cursors, deps));
  return {
    games: parts.flatMap((part) => part.games),
    answered: parts.flatMap((part) => part.answered),
    rejected: parts.reduce((sum, part) => sum + part.rejected, 0),
  };
}

async function write(
  session: CommonQueryMethods,
  entries: readonly StreamEntry[],
  cursors: Map<string, string>,
  { operations, poison, log }: Decision,
): Promise<Accepted> {
  const messages = poison.flatMap(({ rejection }) => rejection.messages);
  const moved = new Map(entries.map((entry) => [entry.stream, entry.id]));
  const games = await session.transaction(async (transaction) => {
    for (const [stream, to] of moved) {
      const from = cursors.get(stream) ?? '0-0';
      if (!(await moveCursor(transaction, { stream, from, to }))) throw new PumpFencedError(stream);
    }
    const accepted = await acceptOperations(transaction, operations);
    await addMessages(transaction, messages);
    return accepted;
  });
  for (const [stream, to] of moved) cursors.set(stream, to);
  // Only now, so that an entry is told of once however often it had to be tried.
  for (const one of poison) tell(one, log);
  const answered = [...new Set(messages.map((message) => message.gameId))];
  return { games, answered, rejected: poison.length };
}

function tell({ entry, rejection }: Poison, log: Logger): void {
  log.warn('poison entry: kept as a dead letter', {
    stream: entry.stream,
    entry_id: entry.id,
    error_code: 'invalid_request',
    error_message: rejection.errorMessage,
  });
}
