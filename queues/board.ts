import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ExpressAdapter as Adapter } from '@bull-board/express';
import type { Queue } from 'bullmq';
import type { Logger } from '../lib/logger.ts';

/** Serves one request, as Express hands it over. */
export type Board = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

interface BoardDeps {
  /** The path that the board is served under, without a slash at its end. */
  readonly basePath: string;
  readonly lifecycle: readonly Queue[];
  readonly events: Queue;
  readonly schedules: Queue;
  readonly log: Logger;
}

/**
 * Bull Board over the queues of this deployment. Whoever mounts it sees to who may use it. It is loaded with the first
 * request, because a replica whose board nobody opens needs none of its memory (docs/decisions/0008).
 */
export function makeBoard(deps: BoardDeps): Board {
  let loaded: Promise<Board> | undefined;
  return (request, response, next) => {
    loaded ??= loadBoard(deps);
    loaded.then(
      (board) => board(request, response, next),
      (error) => {
        loaded = undefined;
        next(error);
      },
    );
  };
}

/**
 * What is refused: each of it would outlast the click and go on delaying games without a word. The rest only asks
 * games to be looked at, or forgets that they were to be, and that the repair sweep puts right.
 */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ['put /api/queues/:queueName/concurrency', 'A limit here would let one slow game hold up others'],
  ['put /api/queues/:queueName/rate-limit', 'A limit here would let one busy game hold up others'],
  ['patch /api/queues/:queueName/:jobId/delay', 'A job stands for a game that has work now'],
  ['patch /api/queues/:queueName/:jobId/priority', 'The order of work is kept in PostgreSQL, not here'],
  ['patch /api/queues/:queueName/:jobId/update-data', 'What a job does is kept in PostgreSQL, not here'],
]);

/** An event that Docker never sent would be reported as what happened to a game, such as `container_oom`. */
const FALSE_EVENT = 'Events of containers come from Docker only';

/** In the form of Bull Board's own errors, for its page to show. */
const UNREADABLE = {
  error: { key: 'ERRORS.INVALID_REQUEST_BODY' },
  message: 'The queue board can not read this request',
};

async function loadBoard({ basePath, lifecycle, events, schedules, log }: BoardDeps): Promise<Board> {
  const [{ createBullBoard }, { BullMQAdapter }, { ExpressAdapter }] = await Promise.all([
    import('@bull-board/api'),
    import('@bull-board/api/bullMQAdapter'),
    import('@bull-board/express'),
  ]);

  class LoggedAdapter extends ExpressAdapter {
    /**
     * Bull Board answers what goes wrong by itself, and tells nobody else. What its parsers say of a request quotes it:
     * that is nobody's business but the client's.
     */
    override setErrorHandler(handler: Parameters<Adapter['setErrorHandler']>[0]): this {
      return super.setErrorHandler((error) => {
        const answer = handler(error);
        const { status = 500 } = answer;
        if (status >= 400 && status < 500) return { status, body: UNREADABLE };
        log.warn('the queue board could not answer', { error });
        return answer;
      });
    }
  }

  const serverAdapter = new LoggedAdapter().setBasePath(basePath);
  createBullBoard({
    queues: [
      ...lifecycle.map((queue) => {
        const adapter = new BullMQAdapter(queue, {
          description: 'Games that have work; a retry looks again',
        });
        adapter.setFormatter('name', nameOf);
        return adapter;
      }),
      new BullMQAdapter(events, {
        description: 'What Docker told of containers; a retry looks at the game again',
      }),
      // To be read only: without its ticks nothing repairs anything, and nothing would tell.
      new BullMQAdapter(schedules, { readOnlyMode: true, description: 'What is done every so often' }),
    ],
    serverAdapter,
    options: {
      uiConfig: { boardTitle: 'Runtime Manager', hideDocsLink: true, sortQueues: true },
      handlerHooks: {
        before: ({ method, route, request: { params } }) => {
          const isFalseEvent = route.endsWith('/:queueName/add') && params.queueName === events.name;
          const message = isFalseEvent ? FALSE_EVENT : REFUSED.get(`${method} ${route}`);
          return message === undefined ? { allow: true } : { allow: false, status: 405, message };
        },
      },
    },
  });
  const board = serverAdapter.getRouter() as Board & { disable(setting: string): void };
  board.disable('x-powered-by');
  return board;
}

/** The kind of the operation that ran. A job's name is what stood first in line when it was added. */
function nameOf({ name, data }: { name?: unknown; data?: unknown }): string {
  const kind = typeof data === 'object' && data !== null && 'op_kind' in data ? data.op_kind : undefined;
  return typeof kind === 'string' ? kind : String(name);
}
