import { expect } from 'chai';
import { sql } from 'slonik';
import { isDataError, isMisfit, isRefusal, mayPass } from '../../sql/map-error.ts';
import { makePool } from '../../sql/pool.ts';
import { rejectionOf } from '../helpers/failure-of.ts';
import { makeStore, type Store } from '../helpers/store.ts';
import { makePostgresProxy } from '../helpers/tcp-proxy.ts';

describe('errors of PostgreSQL', () => {
  let store: Store;

  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());

  for (const [what, statement] of Object.entries({
    'a constraint that is broken': sql.unsafe`
      insert into rtmanager.runtime_records (game_id, status, current_image_ref, engine_endpoint, state_path,
        docker_network, created_at, last_op_at) values ('g', 'running', 'i', 'e', 's', 'n', now(), now())`,
    'a missing value': sql.unsafe`insert into rtmanager.runtime_records (game_id) values ('g')`,
    'a text with NUL': sql.unsafe`select ${'a\0b'}::text`,
    'a time out of range': sql.unsafe`select to_timestamp(1e20)`,
    'a text that is no uuid': sql.unsafe`select ${'x'}::uuid`,
    'an index entry that is too large': sql.unsafe`
      insert into rtmanager.stream_cursors (stream, last_id)
      select string_agg(md5(n::text), ''), '' from generate_series(1, 2000) as n`,
  })) {
    it(`that come from ${what} are about the content, and no repetition helps`, async () => {
      const error = await rejectionOf(store.db.query(statement));
      expect([isDataError(error), mayPass(error)]).to.deep.equal([true, false]);
    });
  }

  for (const [what, statement] of Object.entries({
    'a terminated session': sql.unsafe`select pg_terminate_backend(pg_backend_pid())`,
    'a cancelled query': sql.unsafe`select pg_cancel_backend(pg_backend_pid())`,
  })) {
    it(`that come from ${what} are not about the content, and may pass`, async () => {
      const error = await rejectionOf(store.db.query(statement));
      expect([isDataError(error), mayPass(error)]).to.deep.equal([false, true]);
    });
  }

  for (const [what, statement] of Object.entries({
    'a table that is missing': sql.unsafe`select * from rtmanager.nothing`,
    'a schema that is missing': sql.unsafe`select nowhere.something()`,
    'a column that is missing': sql.unsafe`select nothing from rtmanager.deployment`,
    'a function that is missing': sql.unsafe`select rtmanager.nothing()`,
    'a constraint that is missing': sql.unsafe`
      insert into rtmanager.stream_cursors (stream, last_id) values ('s', '0-0') on conflict (last_id) do nothing`,
  })) {
    it(`that come from ${what} are not about the content, and may pass when it is back`, async () => {
      const error = await rejectionOf(store.db.query(statement));
      expect([isDataError(error), mayPass(error), isMisfit(error), isRefusal(error)]).to.deep.equal([
        false,
        true,
        true,
        true,
      ]);
    });
  }

  for (const code of ['0A000', '26000', '42P05', 'XX000']) {
    it(`with ${code} are about the session or the server, and may pass`, async () => {
      const statement = {
        ...sql.unsafe`select 1`,
        sql: `do $$ begin raise 'x' using errcode = '${code}'; end $$`,
      };
      const error = await rejectionOf(store.db.query(statement));
      expect([isDataError(error), mayPass(error), isMisfit(error)]).to.deep.equal([false, true, false]);
    });
  }

  it('that come from a server that went away are not about the content, and may pass', async () => {
    const proxy = await makePostgresProxy(store.dsn);
    const pool = await makePool({ dsn: proxy.dsn, max: 1, name: 'test-away' });
    try {
      await pool.query(sql.unsafe`select 1`);
      await proxy.close();
      for (const when of ['when its connection breaks', 'when it can not be reached any more']) {
        const error = await rejectionOf(pool.query(sql.unsafe`select 1`));
        expect([isDataError(error), mayPass(error)], when).to.deep.equal([false, true]);
      }
    } finally {
      await pool.end();
      await proxy.close();
    }
  });

  it('are told from errors of the operating system and of everybody else', () => {
    for (const code of ['EPIPE', 'ENOENT', '23505x', 23505]) {
      const error = Object.assign(new Error('x'), { code });
      expect([isDataError(error), mayPass(error)]).to.deep.equal([false, false]);
    }
    expect([isDataError('23505'), mayPass(undefined)]).to.deep.equal([false, false]);
  });
});
