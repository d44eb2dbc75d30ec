import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { containersOf, inspect } from '../helpers/containers.ts';
import { GAME_IMAGE } from '../helpers/docker.ts';
import { eventually } from '../helpers/eventually.ts';
import { entriesOf } from '../helpers/failed-start.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { STREAMS } from '../helpers/lobby.ts';
import { startRtm } from '../helpers/rtm.ts';

describe('a game that stands still for a month (spec, section 5)', () => {
  let flow: Flow;
  before(async () => {
    flow = await makeFlow();
  });
  after(() => flow?.destroy());

  it('loses its container and keeps its record, its log and its state directory', async () => {
    const [old, young] = [newGame('old'), newGame('young')];
    await using _rtm = await startRtm(flow.world, {
      RTMANAGER_CLEANUP_INTERVAL: '200ms',
      RTMANAGER_CONTAINER_STOP_TIMEOUT_SECONDS: '1',
    });
    const ids: Record<string, string> = {};
    for (const gameId of [old, young]) {
      const { fields } = await flow.lobby.answerTo(await flow.lobby.start(gameId, GAME_IMAGE));
      ids[gameId] = fields.container_id ?? '';
      await flow.lobby.answerTo(await flow.lobby.stop(gameId));
    }
    const turns = path.join(flow.world.stateRoot.path, old, 'turns');
    await writeFile(turns, 'turn 41');
    const backdate = (gameId: string, days: number) =>
      flow.rows.query(
        `update rtmanager.runtime_records set last_op_at = now() - $2 * interval '1 day' where game_id = $1`,
        [gameId, days],
      );
    await backdate(young, 29);
    await backdate(old, 31);

    await eventually(async () => (await flow.rows.record(old))?.status === 'removed', {
      what: 'the record to be removed',
    });
    expect(await containersOf(old)).to.deep.equal([]);
    expect(await flow.rows.record(old)).to.include({ status: 'removed', current_container_id: null });
    expect(await readFile(turns, 'utf8')).to.equal('turn 41');
    const entry = (await flow.rows.operations(old)).at(-1);
    expect(entry).to.include({
      op_kind: 'cleanup_container',
      op_source: 'auto_ttl',
      outcome: 'success',
      error_code: null,
      container_id: ids[old],
    });
    // What RTM does itself is no incident.
    const events = await entriesOf(flow, STREAMS.healthEvents, old);
    expect(events.map(({ fields }) => fields.event_type)).to.deep.equal(['container_started']);

    expect(await flow.rows.record(young)).to.include({ status: 'stopped' });
    expect((await inspect(ids[young] ?? ''))?.State.Status).to.equal('exited');
    // The game itself is as good as ever.
    const { fields } = await flow.lobby.answerTo(await flow.lobby.start(old, GAME_IMAGE));
    expect(fields).to.include({ outcome: 'success', error_code: '' });
    expect(await readFile(turns, 'utf8')).to.equal('turn 41');
  });
});
