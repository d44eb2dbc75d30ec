import { expect } from 'chai';
import { BOARD_PATH } from '../../openapi/admin.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { exchange } from '../helpers/http-exchange.ts';
import { startRtm } from '../helpers/rtm.ts';

const TOKEN = 'correct-horse-battery-staple';

describe('the pages for operators of a running service', () => {
  let flow: Flow;

  before(async () => {
    flow = await makeFlow();
  });
  after(() => flow?.destroy());

  it('show behind the token, which may come as a password, why a start failed', async () => {
    await using rtm = await startRtm(flow.world, {
      RTMANAGER_INTERNAL_HTTP_TOKEN: TOKEN,
      RTMANAGER_LIFECYCLE_QUEUES: '1',
    });
    const gameId = newGame();
    const request = await flow.lobby.start(gameId, 'NOT/An:Image');
    const { fields } = await flow.lobby.answerTo(request);
    const authorization = `Basic ${Buffer.from(`operator:${TOKEN}`).toString('base64')}`;
    const read = async (path: string) =>
      JSON.parse((await exchange(rtm.url, path, { headers: { authorization } })).text);
    const ask = (path: string, headers = {}) => exchange(rtm.url, `${BOARD_PATH}${path}`, { headers });

    expect((await ask('')).status).to.equal(401);
    expect((await ask('', { authorization })).text).to.include('Runtime Manager');
    expect(await read('/admin/data/fleet')).to.deep.include({ games: [] });
    const { findings } = await read(`/admin/api/v1/internal/runtimes/${gameId}/explain`);
    expect(findings[0]).to.include({ code: 'image_ref_invalid' });
    await eventually(
      async () => {
        const { text } = await ask(
          '/api/queues?activeQueue=lifecycle-0&status=failed&page=1&jobsPerPage=10',
          { authorization },
        );
        const { queues } = JSON.parse(text);
        expect(queues.map((queue: { name: string }) => queue.name)).to.have.members([
          'docker-events',
          'lifecycle-0',
          'schedules',
        ]);
        const [job] = queues.find((queue: { name: string }) => queue.name === 'lifecycle-0').jobs;
        expect(job).to.deep.include({
          name: 'start',
          failedReason: `start_config_invalid: ${fields.error_message}`,
          data: {
            game_id: gameId,
            op_kind: 'start',
            op_source: 'lobby_stream',
            image_ref: 'NOT/An:Image',
          },
        });
        return true;
      },
      { what: 'the failed job on the board' },
    );
  });
});
