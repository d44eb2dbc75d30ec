import { expect } from 'chai';
import { containersOf } from '../helpers/containers.ts';
import { GAME_IMAGE } from '../helpers/docker.ts';
import { type DockerProxy, isStart, makeDockerProxy } from '../helpers/docker-proxy.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { makeRows } from '../helpers/rows.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';

describe('a start while PostgreSQL ends every session (restart, failover)', () => {
  let flow: Flow;
  let rtm: Rtm;
  let docker: DockerProxy;

  before(async () => {
    flow = await makeFlow();
    docker = await makeDockerProxy();
    rtm = await startRtm(flow.world, { RTMANAGER_DOCKER_HOST: docker.host });
  });
  after(async () => {
    await rtm?.close();
    await docker?.destroy();
    await flow?.destroy();
  });

  const endSessions = () =>
    flow.rows.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`);

  async function assertOneSuccess(gameId: string, request: string): Promise<void> {
    const { fields } = await flow.lobby.answerTo(request);
    expect(fields).to.include({ outcome: 'success', error_code: '', error_message: '' });
    expect((await containersOf(gameId)).map(({ Id }) => Id)).to.deep.equal([fields.container_id]);
    expect(await flow.rows.record(gameId)).to.include({ current_container_id: fields.container_id });
  }

  it('while it looks at its record: it is no failure of the start', async () => {
    const gameId = newGame();
    // The look waits for this lock, and dies waiting.
    const locker = await makeRows(flow.world.database);
    await locker.query('begin');
    await locker.query('lock table rtmanager.runtime_records in access exclusive mode');
    const request = await flow.lobby.start(gameId, GAME_IMAGE);
    await eventually(
      async () =>
        (
          await flow.rows.query(`select 1 from pg_stat_activity where datname = current_database()
            and wait_event_type = 'Lock' and query like '%runtime_records%'`)
        ).length > 0,
      { what: 'the look at the record' },
    );
    await endSessions(); // the lock's too
    await locker.close().catch(() => undefined);
    await assertOneSuccess(gameId, request);
  });

  it('when its container runs and the outcome is about to be written', async () => {
    const gameId = newGame();
    docker.onAnswer = async (call) => {
      if (isStart(call)) await endSessions();
      return 'pass' as const;
    };
    await assertOneSuccess(gameId, await flow.lobby.start(gameId, GAME_IMAGE));
  });
});
