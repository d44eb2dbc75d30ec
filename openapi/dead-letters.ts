import { makePathValidator, makeQueryValidator } from '../lib/contracts.ts';
import type { DeadLetter } from '../lib/dead-letter.ts';
import { RuntimeError } from '../lib/errors.ts';
import type { NewOperation } from '../sql/accept-operations.ts';
import { findAcceptedEntries } from '../sql/operation-log.ts';
import { operationsKeptFrom } from '../sql/prune-history.ts';
import { answerWithOutcome } from './answer-outcome.ts';
import { inTime } from './in-time.ts';
import type { MutationDeps } from './mutations.ts';
import { makeLetterCursor, parseLetterCursor } from './page-cursor.ts';
import { queueRequest } from './queue-request.ts';
import { makeBodyReader } from './read-body.ts';
import { renderDeadLetter } from './render.ts';
import type { Routes } from './route.ts';

/** What the pump put aside (queues/dead-letters.ts). Both reject with `service_unavailable` while Redis is away. */
interface DeadLetters {
  /** Newest first; `next` is the letter behind which another page begins. */
  list(page: { limit: number; before: string | undefined }): Promise<{
    readonly letters: readonly DeadLetter[];
    readonly next: string | undefined;
  }>;
  /**
   * The operation that a letter comes to once it is corrected, and since when there can be one, epoch milliseconds;
   * rejects where it comes to none.
   */
  revive(
    letterId: string,
    corrections: Readonly<Record<string, string>>,
  ): Promise<{ readonly operation: NewOperation; readonly since: number }>;
}

export interface DeadLetterDeps extends MutationDeps {
  readonly deadLetters: DeadLetters;
}

/** Requests that could not be read: looked at, and asked for once more after they were mended. */
export function makeDeadLetterRoutes(deps: DeadLetterDeps): Routes {
  const { db, deadLetters, log } = deps;
  const parseQuery = makeQueryValidator('internalListDeadLetters');
  const parsePath = makePathValidator('internalReplayDeadLetter');
  const readBody = makeBodyReader('internalReplayDeadLetter');

  return {
    async internalListDeadLetters(request, response) {
      const query = parseQuery(request.query);
      if (!query.ok) throw new RuntimeError('invalid_request', query.message);
      const { limit, cursor } = query.values;
      const { letters, next } = await deadLetters.list({ limit, before: parseLetterCursor(cursor) });
      const refs = letters.map((letter) => letter.ref);
      // In this order: what is forgotten in between is shown as replayable no more.
      const replayedAs = await inTime(findAcceptedEntries(db, refs));
      const keptFrom = await inTime(operationsKeptFrom(db));
      response.json({
        items: letters.map((letter) => renderDeadLetter(letter, replayedAs.get(letter.ref), keptFrom)),
        next_cursor: next === undefined ? null : makeLetterCursor(next),
      });
    },

    async internalReplayDeadLetter(request, response) {
      const path = parsePath(request.params);
      if (!path.ok) throw new RuntimeError('invalid_request', path.message);
      const letterId = String(request.params.entry_id);
      const { fields = {} } = await readBody(request, response);
      const revived = await deadLetters.revive(letterId, fields);
      const operation = await queueRequest(deps, revived.operation, {
        otherwise:
          'The letter was replayed before, with other fields, or its entry was accepted after all; ask for what you want as a request of its own',
        traceparent: request.get('traceparent'),
        since: revived.since,
      });
      // The operation itself does not say who sent the letter on.
      log.info('dead letter replayed', {
        letter_id: letterId,
        game_id: operation.gameId,
        operation_id: operation.operationId,
        caller: request.get('X-Galaxy-Caller') ?? 'gm',
        corrected: Object.keys(fields),
      });
      await answerWithOutcome(deps, operation, request, response);
    },
  };
}
