import { expect } from 'chai';
import { GAME_IMAGE } from './docker.ts';
import { type Flow, newGame } from './flow.ts';
import { makeRestClient } from './rest-client.ts';
import type { Rows } from './rows.ts';
import type { Rtm } from './rtm.ts';

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

/**
 * Has each game started by one replica, or by stream, and stopped by the other at the same moment, so many rounds long,
 * and waits for all answers.
 *
 * @returns the games
 */
export async function meetAtOnce(
  flow: Flow,
  replicas: readonly [Rtm, Rtm],
  { games, rounds }: { readonly games: number; readonly rounds: number },
): Promise<readonly string[]> {
  const [one, other] = [makeRestClient(replicas[0].url), makeRestClient(replicas[1].url)];
  const play = async (gameId: string): Promise<void> => {
    for (let round = 0; round < rounds; round += 1) {
      const [starter, stopper] = round % 2 === 0 ? [one, other] : [other, one];
      const byStream = round % 3 === 0;
      await Promise.all([
        byStream
          ? flow.lobby.start(gameId, GAME_IMAGE).then((id) => flow.lobby.answerTo(id, 60_000))
          : starter.post(`/runtimes/${gameId}/start`, { image_ref: GAME_IMAGE }),
        stopper.post(`/runtimes/${gameId}/stop`, { reason: 'cancelled' }),
      ]);
    }
  };
  const ids = Array.from({ length: games }, () => newGame());
  await Promise.all(ids.map(play));
  for (const gameId of ids) expect(await flow.rows.operations(gameId)).to.have.length(2 * rounds);
  return ids;
}
