import { expect } from 'chai';
import { sql } from 'slonik';
import { assertDeployment, getDeploymentId } from '../../sql/deployment.ts';
import { isRefusal, mayPass } from '../../sql/map-error.ts';
import { makePool } from '../../sql/pool.ts';
import { rejectionOf } from '../helpers/failure-of.ts';
import { makeStore, type Store } from '../helpers/store.ts';

describe('the database of this deployment', () => {
  let store: Store;
  let id: string;
  beforeEach(async () => {
    store = await makeStore();
    id = await getDeploymentId(store.db);
  });
  afterEach(() => store?.destroy());

  it('is known by its id', async () => {
    await assertDeployment(store.db, id);
    const refused = await rejectionOf(assertDeployment(store.db, 'another'));
    expect(refused.message).to.include(id).and.include('another').and.include('restart');
  });

  it('is not there while its schema is renamed away, or its rows are not restored yet', async () => {
    await store.rows('alter schema rtmanager rename to elsewhere');
    expect(isRefusal(await rejectionOf(assertDeployment(store.db, id)))).to.equal(true);
    await store.rows('alter schema elsewhere rename to rtmanager');
    await assertDeployment(store.db, id);
    await store.rows('delete from rtmanager.deployment');
    expect((await rejectionOf(assertDeployment(store.db, id))).message).to.include('restored');
  });

  it('takes writes again when it is frozen no more, though sessions began while it was', async () => {
    const write = sql.unsafe`update rtmanager.deployment set operations_kept_from = now()`;
    const [database] = await store.rows<{ name: string }>('select current_database() as name');
    await store.rows(`alter database ${database?.name} set default_transaction_read_only = on`);
    const db = await makePool({ dsn: store.dsn, max: 2, name: 'frozen' });
    try {
      await Promise.all([1, 2].map(() => db.query(sql.unsafe`select pg_sleep(0.05)`)));
      for (const refused of await Promise.all([1, 2].map(() => rejectionOf(db.query(write)))))
        expect([isRefusal(refused), mayPass(refused)]).to.deep.equal([true, true]);
      await store.rows(`alter database ${database?.name} reset default_transaction_read_only`);
      await Promise.all([1, 2].map(() => db.query(write)));
    } finally {
      await db.end();
    }
  });
});
