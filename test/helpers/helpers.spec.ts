import { access } from 'node:fs/promises';
import { expect } from 'chai';
import { Client } from 'pg';
import { makeDatabase } from './database.ts';
import { docker } from './docker.ts';
import { eventually } from './eventually.ts';
import { assertNothingLeaked } from './leak-guard.ts';
import { makeNetwork } from './network.ts';
import { makeRedis } from './redis.ts';
import { makeStateRoot } from './state-root.ts';

describe('test/helpers', () => {
  it('makes databases that know nothing of each other, and drops them while somebody is connected', async () => {
    const [one, two] = [await makeDatabase(), await makeDatabase()];
    const client = new Client({ connectionString: one.dsn });
    client.on('error', () => undefined); // it is thrown out below
    await client.connect();
    await client.query('CREATE TABLE only_here (id int)');
    const other = new Client({ connectionString: two.dsn });
    await other.connect();
    const { rows } = await other.query("SELECT to_regclass('only_here') AS found");
    expect(rows).to.deep.equal([{ found: null }]);
    await other.end();
    await one.drop();
    await two.drop();
    await client.end().catch(() => undefined);
  });

  it('gives each suite an empty Redis database and empties it afterwards', async () => {
    const [one, two] = [await makeRedis(), await makeRedis()];
    expect(one.db).not.to.equal(two.db);
    await one.client.set('key', 'value');
    expect(await two.client.get('key')).to.equal(null);
    await one.release();
    const again = await makeRedis();
    expect(again.db).to.equal(one.db);
    expect(await again.client.dbsize()).to.equal(0);
    await again.release();
    await two.release();
  });

  it('removes a state root with what is in it', async () => {
    const root = await makeStateRoot();
    await root.remove();
    const gone = await access(root.path).then(
      () => false,
      () => true,
    );
    expect(gone).to.equal(true);
  });

  it('waits until something is so, and tells what it waited for', async () => {
    let asked = 0;
    expect(await eventually(() => ++asked === 3 && 'three', { what: 'three', intervalMs: 1 })).to.equal(
      'three',
    );
    const failure = await eventually(() => Promise.reject(new Error('not yet')), {
      what: 'nothing at all',
      timeoutMs: 10,
      intervalMs: 1,
    }).catch((error: Error) => error.message);
    expect(failure).to.equal('waited 10 ms for nothing at all: not yet');
  });

  it('fails a run that leaves a network behind, and removes it', async () => {
    const { name } = await makeNetwork();
    const failure = await assertNothingLeaked().catch((error: Error) => error.message);
    expect(failure).to.include(name);
    expect(await docker.listNetworks({ filters: { name: [name] } })).to.deep.equal([]);
    await assertNothingLeaked();
  });
});
