import { expect } from 'chai';
import type { Rows } from './rows.ts';

/** What a game is while nothing happens to it. */
type State = 'never started' | 'running' | 'stopped';

/** How a start or a stop must end in each state, and what it makes of it. */
const RULES: Readonly<Record<string, Readonly<Record<State, readonly [end: string, next: State]>>>> = {
  start: {
    'never started': ['success', 'running'],
    running: ['replay_no_op', 'running'],
    stopped: ['success', 'running'],
  },
  stop: {
    'never started': ['not_found', 'never started'],
    running: ['success', 'stopped'],
    stopped: ['replay_no_op', 'stopped'],
  },
};

/**
 * Asserts that the starts and stops of a game ended as if each had begun after the one before it had ended, in their
 * order of arrival, and that they did.
 *
 * @returns what the game must be now
 */
export async function assertSerialHistory(rows: Rows, gameId: string): Promise<State> {
  const operations = await rows.query(
    `select op_kind, coalesce(error_code, outcome) as "end", status, attempt,
       started_at >= lag(finished_at) over (order by seq) as follows
     from rtmanager.operation_log where game_id = $1 and seq is not null order by seq`,
    [gameId],
  );
  let state: State = 'never started';
  for (const [place, operation] of operations.entries()) {
    const [end, next]: readonly [string, State] = RULES[String(operation.op_kind)]?.[state] ?? ['', state];
    const what = `operation ${place} of ${gameId}, a ${operation.op_kind} of a game that is ${state}`;
    expect(operation, what).to.include({ status: 'finished', end });
    if (place > 0) expect(operation.follows, `${what}: begun after the one before had ended`).to.equal(true);
    state = next;
  }
  return state;
}
