import { expect } from 'chai';
import { inspect } from '../helpers/containers.ts';
import { GAME_IMAGE } from '../helpers/docker.ts';
import { assertStartFails } from '../helpers/failed-start.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';

describe('a start whose record can not be written (spec, section 4)', () => {
  let flow: Flow;
  let rtm: Rtm;

  before(async () => {
    flow = await makeFlow();
    rtm = await startRtm(flow.world);
    await flow.rows.query(`
      create function refuse() returns trigger language plpgsql as $$
      begin
        raise exception 'refused by the test' using errcode = substring(new.game_id from 'errcode-(.....)');
      end $$;
      create trigger refuse before insert or update on rtmanager.runtime_records
        for each row when (new.game_id like 'errcode-%') execute function refuse()`);
  });
  after(async () => {
    await rtm?.close();
    await flow?.destroy();
  });

  const refusals: readonly [string, string][] = [
    ['23514', 'a constraint'],
    ['22001', 'a value that does not fit'],
    ['P0001', 'a trigger that raises'],
    ['42501', 'a right that is missing'],
  ];
  for (const [errcode, what] of refusals) {
    it(`${what} (${errcode}): internal_error, the container is removed, nobody is alerted`, async () => {
      await assertStartFails(flow, {
        gameId: newGame(`errcode-${errcode}`),
        imageRef: GAME_IMAGE,
        code: 'internal_error',
        says: /record could not be written/,
        timeoutMs: 6_000,
      });
    });
  }

  it('a container that ran before the start is not its to remove', async () => {
    // Taken over, and then the record is refused: the game goes on for whoever started it.
    const { fields } = await flow.lobby.answerTo(await flow.lobby.start(newGame(), GAME_IMAGE));
    const containerId = fields.container_id ?? '';
    await flow.rows.query('delete from rtmanager.runtime_records where game_id = $1', [fields.game_id]);
    await flow.rows.query(`
      create trigger refuse_this before insert on rtmanager.runtime_records
        for each row when (new.game_id = '${fields.game_id}') execute function refuse()`);
    const again = await flow.lobby.answerTo(await flow.lobby.start(fields.game_id ?? '', GAME_IMAGE));
    expect(again.fields).to.include({ outcome: 'failure', error_code: 'internal_error' });
    expect((await inspect(containerId))?.State.Running).to.equal(true);
  });
});
