import { expect } from 'chai';
import { claimHead } from '../../sql/claims.ts';
import { migrate } from '../../sql/migrate.ts';
import { findRunnable, getOperation } from '../../sql/operation-log.ts';
import { gamesToPublish, takeUnpublished } from '../../sql/outbox.ts';
import { listRuntimes } from '../../sql/runtimes.ts';
import { makeStore, type Store } from '../helpers/store.ts';

describe('beside a newer version, whose migration this one does not know', () => {
  let store: Store;

  before(async () => {
    store = await makeStore();
    await store.rows(`
      insert into rtmanager.migrations (name, run_on) values ('9999_newer', now());
      alter table rtmanager.operation_log add column newer_note text, drop constraint operation_log_op_kind_check;
      alter table rtmanager.outbox add column newer_trace text, drop constraint outbox_channel_check;
      alter table rtmanager.health_snapshots add column newer_seen int, drop constraint health_snapshots_status_check`);
  });
  after(() => store.destroy());
  afterEach(() => store.clear());

  const queueNewer = async (): Promise<void> => {
    await store.queue({ gameId: 'newer' }, { gameId: 'known' });
    await store.rows(`update rtmanager.operation_log set accepted_at = now() - interval '1 minute',
      op_kind = case game_id when 'newer' then 'hibernate' else op_kind end`);
  };

  it('starts, and applies nothing', async () => {
    expect(await migrate(store.dsn)).to.deep.equal([]);
  });

  it('finds the work of every game, also of a kind that only the newer one knows', async () => {
    await queueNewer();
    const found = await findRunnable(store.db, { graceMs: 2_000, limit: 10 });
    expect(found.map((one) => [one.gameId, one.opKind])).to.deep.equal([
      ['newer', 'hibernate'],
      ['known', 'start'],
    ]);
  });

  it('claims such an operation like any other, so that it can be given back', async () => {
    await queueNewer();
    const claimed = await claimHead(store.db, { gameId: 'newer', leaseMs: 60_000 });
    expect(claimed?.operation).to.include({ opKind: 'hibernate', status: 'running', attempt: 1 });
    expect(await getOperation(store.db, claimed?.operation.operationId ?? '')).to.deep.equal(
      claimed?.operation,
    );
  });

  it('leaves messages for a stream that only the newer one knows, and publishes those around them', async () => {
    await store.rows(`insert into rtmanager.outbox (game_id, channel, fields)
      values ('g', 'newer_stream', '[["n", "1"]]'), ('g', 'job_results', '[["n", "2"]]'), ('h', 'newer_stream', '[]')`);
    expect(await gamesToPublish(store.db, { limit: 10 })).to.deep.equal(['g']);
    const rows = await takeUnpublished(store.db, { gameIds: ['g', 'h'], limit: 10 });
    expect(rows.map((row) => row.fields)).to.deep.equal([[['n', '2']]]);
  });

  it('lists games whose health has a word that only the newer one knows', async () => {
    await store.rows(`
      insert into rtmanager.runtime_records (game_id, status, current_image_ref, engine_endpoint, state_path,
        docker_network, created_at, last_op_at) values ('g', 'stopped', 'i', 'e', 's', 'n', now(), now());
      insert into rtmanager.health_snapshots (game_id, status, source, details, observed_at)
        values ('g', 'frozen', 'probe', '{}', now())`);
    const [game] = await listRuntimes(store.db, { limit: 10 });
    expect(game?.health?.status).to.equal('frozen');
  });
});
