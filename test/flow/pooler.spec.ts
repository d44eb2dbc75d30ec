import { expect } from 'chai';
import { GAME_IMAGE } from '../helpers/docker.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { exchange } from '../helpers/http-exchange.ts';
import { startPgbouncer } from '../helpers/pgbouncer.ts';
import { spawnReplica } from '../helpers/replica.ts';
import { startRtm } from '../helpers/rtm.ts';

/** What operators let PgBouncer ignore, so that clients with settings of their own get in. */
const LENIENT = {
  ignore_startup_parameters: 'options,statement_timeout,idle_in_transaction_session_timeout',
};

describe('PostgreSQL behind PgBouncer', () => {
  let flow: Flow;
  beforeEach(async () => {
    flow = await makeFlow();
  });
  afterEach(() => flow?.destroy());

  for (const mode of ['transaction', 'statement']) {
    it(`with pool_mode = ${mode}: the start is refused with the reason, and nothing is migrated`, async () => {
      await using pooler = await startPgbouncer(flow.world.database.dsn, { pool_mode: mode, ...LENIENT });
      const replica = spawnReplica(flow.world.variables({ RTMANAGER_POSTGRES_PRIMARY_DSN: pooler.dsn }));
      try {
        expect(await replica.exited).to.include({ code: 1, signal: null });
      } finally {
        await replica.end('SIGKILL');
      }
      const last = replica.lines.at(-1);
      expect(last?.message).to.equal('Runtime Manager could not start');
      expect(JSON.stringify(last)).to.include('set pool_mode = session for its database');
      expect(await flow.rows.query(`select from pg_namespace where nspname = 'rtmanager'`)).to.deep.equal([]);
    });
  }

  it('with pool_mode = session: two replicas work, and one of them pumps', async () => {
    await using pooler = await startPgbouncer(flow.world.database.dsn, {
      pool_mode: 'session',
      default_pool_size: 40,
    });
    const variables = { RTMANAGER_POSTGRES_PRIMARY_DSN: pooler.dsn };
    await using first = await startRtm(flow.world, variables);
    await using second = await startRtm(flow.world, variables);
    const gameId = newGame();
    const { fields } = await flow.lobby.answerTo(await flow.lobby.start(gameId, GAME_IMAGE));
    expect(fields).to.include({ outcome: 'success' });
    for (const { url } of [first, second]) {
      await eventually(async () => (await exchange(url, '/readyz')).status === 200, { what: 'ready' });
    }
    const leads = [first, second].filter(({ log }) =>
      log.lines.some(({ message }) => message === 'this replica pumps the job streams'),
    );
    expect(leads).to.have.length(1);
  });
});
