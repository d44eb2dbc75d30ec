import { expect } from 'chai';
import { prepareDatabase } from '../../sql/prepare-database.ts';
import { makeDatabase, type TestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { rejectionOf } from '../helpers/failure-of.ts';
import { makeMemoryLogger } from '../helpers/memory-logger.ts';
import { makePostgresProxy } from '../helpers/tcp-proxy.ts';

describe('preparing the database', () => {
  let database: TestDatabase;

  before(async () => {
    database = await makeDatabase();
  });
  after(() => database.drop());

  it('waits for a PostgreSQL that starts beside us, tells so once, and goes on when it answers', async () => {
    const proxy = await makePostgresProxy(database.dsn, { opened: false });
    try {
      const log = makeMemoryLogger();
      const prepared = prepareDatabase(proxy.dsn, log);
      await eventually(() => log.lines.length > 0, { what: 'the wait to be told' });
      await proxy.open();
      expect(await prepared).to.include('0001_init');
      expect(log.lines.map((line) => line.level)).to.deep.equal(['warn']);
    } finally {
      await proxy.close();
    }
  });

  it('does not go on with a failed migration', async () => {
    const other = await makeDatabase();
    try {
      const url = new URL(other.dsn);
      url.searchParams.set('options', '-c default_transaction_read_only=on');
      expect(await rejectionOf(prepareDatabase(url.toString(), makeMemoryLogger()))).to.be.an('error');
    } finally {
      await other.drop();
    }
  });
});
