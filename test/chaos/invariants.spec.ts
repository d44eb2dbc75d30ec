import { expect } from 'chai';
import { swapRecord } from '../../sql/runtime-records.ts';
import type { Entry } from '../helpers/lobby.ts';
import { makeRecord } from '../helpers/records.ts';
import { makeStore, type Store } from '../helpers/store.ts';
import { type AfterChaos, findViolations } from './invariants.ts';

describe('the judge of what chaos left', () => {
  let store: Store;
  before(async () => {
    store = await makeStore();
  });
  after(() => store?.destroy());

  /** A game that was started and stopped; seconds of its operations' begin and end. */
  async function playedGame(times: Record<'start' | 'stop', readonly [number, number]>): Promise<void> {
    await store.clear();
    for (const [kind, [from, to]] of Object.entries(times)) {
      await store.rows(
        `insert into rtmanager.operation_log (operation_id, game_id, seq, op_kind, op_source, source_ref, correlation_id,
           status, attempt, outcome, requested_at, accepted_at, started_at, finished_at)
         values (gen_random_uuid(), 'g', nextval('rtmanager.operation_seq'), $1, 'lobby_stream', 'runtime:' || $1 || '_jobs/' || $1,
           gen_random_uuid(), 'finished', 1, 'success', now(), now(), to_timestamp($2), to_timestamp($3))`,
        [kind, from, to],
      );
    }
    await swapRecord(store.db, {
      expected: null,
      next: makeRecord({ status: 'stopped', currentContainerId: 'c' }),
    });
  }
  const inOrder = { start: [1, 2], stop: [3, 4] } as const;
  const answer = (entryId: string, outcome = 'success'): Entry => ({
    id: `9-${entryId}`,
    fields: { game_id: 'g', outcome, error_code: '', op_kind: entryId, request_entry_id: entryId },
  });
  const judge = async (given: Partial<AfterChaos> = {}) =>
    (
      await findViolations({
        rows: { query: (text, values = []) => store.rows(text, values) },
        asked: [
          { gameId: 'g', kind: 'start', entryId: 'start' },
          { gameId: 'g', kind: 'stop', entryId: 'stop' },
        ],
        results: [answer('start'), answer('stop')],
        containers: [{ id: 'c', gameId: 'g', running: false }],
        ...given,
      })
    ).map(({ kind }) => kind);

  it('has nothing to say of what is as it should be, copies of answers included', async () => {
    await playedGame(inOrder);
    expect(await judge()).to.deep.equal([]);
    expect(
      await judge({ results: [answer('start'), answer('stop'), answer('start'), answer('stop')] }),
    ).to.deep.equal([]);
  });

  it('sees a request that was lost, and an answer that was', async () => {
    await playedGame(inOrder);
    expect(await judge({ results: [answer('start')] })).to.deep.equal(['lost']);
    expect(await judge({ accepted: ['00000000-0000-4000-8000-000000000000'] })).to.deep.equal(['lost']);
    await store.rows("delete from rtmanager.operation_log where op_kind = 'stop'");
    expect(await judge()).to.include('lost');
  });

  it('sees an outcome that was told twice, or otherwise than it was', async () => {
    await playedGame(inOrder);
    const results = [answer('start'), answer('stop'), answer('stop', 'failure')];
    expect(await judge({ results })).to.deep.equal(['doubled']);
    expect(await judge({ results: [answer('start', 'failure'), answer('stop')] })).to.deep.equal(['doubled']);
  });

  it('sees operations that ran beside each other, and answers that overtook each other', async () => {
    await playedGame({ start: [1, 3], stop: [2, 4] });
    expect(await judge()).to.deep.equal(['order']);
    await playedGame(inOrder);
    expect(await judge({ results: [answer('stop'), answer('start')] })).to.deep.equal(['order']);
  });

  it('sees an operation that never ended', async () => {
    await playedGame(inOrder);
    await store.queue({ gameId: 'g' });
    expect(await judge()).to.deep.equal(['stuck']);
  });

  it('sees containers that contradict the record', async () => {
    await playedGame(inOrder);
    for (const containers of [
      [],
      [{ id: 'c', gameId: 'g', running: true }],
      [{ id: 'other', gameId: 'g', running: false }],
      [
        { id: 'c', gameId: 'g', running: false },
        { id: 'd', gameId: 'g', running: false },
      ],
      [
        { id: 'c', gameId: 'g', running: false },
        { id: 'e', gameId: 'nobody', running: true },
      ],
    ]) {
      expect(await judge({ containers })).to.deep.equal(['containers']);
    }
  });
});
