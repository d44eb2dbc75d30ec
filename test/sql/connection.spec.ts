import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { sql } from 'slonik';
import { migrate } from '../../sql/migrate.ts';
import { makePool } from '../../sql/pool.ts';
import { rejectionOf } from '../helpers/failure-of.ts';
import { recordStartups, type SignIn, type StartupRecorder } from '../helpers/startup-recorder.ts';

/** Both ways in: what migrates, and what works afterwards. */
const WAYS = {
  migrations: (dsn: string) => migrate(dsn),
  async pools(dsn: string) {
    const pool = await makePool({ dsn, max: 1, name: 'test' });
    try {
      await pool.query(sql.unsafe`select 1`);
    } finally {
      await pool.end();
    }
  },
};

describe('the address of PostgreSQL', () => {
  let directory: string;
  const opened: StartupRecorder[] = [];
  /** Nobody must get here by a variable that the libraries know. */
  const elsewhere = { PGHOST: '192.0.2.1', PGPORT: '1', PGSSLMODE: 'require', PGDATABASE: 'other' };
  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'rtm-'));
    Object.assign(process.env, elsewhere);
  });
  after(async () => {
    for (const name of Object.keys(elsewhere)) delete process.env[name];
    await rm(directory, { recursive: true, force: true });
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((one) => one.close()));
  });

  const listen = async (...where: Parameters<typeof recordStartups>) => {
    const recorder = await recordStartups(...where);
    opened.push(recorder);
    return recorder;
  };
  const bothSay = async (dsn: string, recorder: StartupRecorder, said: SignIn) => {
    for (const [way, connect] of Object.entries(WAYS)) {
      const before = recorder.signIns.length;
      await rejectionOf(connect(dsn));
      expect(recorder.signIns.slice(before), way).to.deep.equal([said]);
    }
  };
  const asRtm = { user: 'rtm', password: 'secret', database: 'galaxy', tls: false };

  it('may be an IPv6 address', async () => {
    const recorder = await listen({ host: '::1', port: 0 });
    await bothSay(`postgres://rtm:secret@[::1]:${recorder.port}/galaxy`, recorder, asRtm);
  });

  it('may be a name', async () => {
    const recorder = await listen({ host: 'localhost', port: 0 });
    await bothSay(`postgresql://rtm:secret@localhost:${recorder.port}/galaxy`, recorder, asRtm);
  });

  it('may stand in parameters, whole or in part', async () => {
    const recorder = await listen({ host: '127.0.0.1', port: 0 });
    const where = `host=127.0.0.1&port=${recorder.port}`;
    await bothSay(`postgres:///galaxy?${where}&user=rtm&password=secret`, recorder, asRtm);
    const password = '$&$1';
    await bothSay(`postgres://rtm:${password}@/galaxy?${where}`, recorder, { ...asRtm, password });
    await bothSay(`postgres://127.0.0.1:${recorder.port}/galaxy?user=rtm&password=secret`, recorder, asRtm);
  });

  it('may be the directory of a Unix socket, as a parameter or escaped', async () => {
    const recorder = await listen({ path: path.join(directory, '.s.PGSQL.5432') });
    await bothSay(`postgres:///galaxy?host=${directory}&user=rtm&password=s+t`, recorder, {
      ...asRtm,
      password: 's+t',
    });
    await bothSay(`postgres://rtm:secret@${encodeURIComponent(directory)}/galaxy`, recorder, asRtm);
  });

  it('brings names, a password and options with any sign in them', async () => {
    const recorder = await listen({ host: '127.0.0.1', port: 0 });
    const odd = 'a b/c%d:e@f?g#h&i=j\\k"l\'mé+n';
    const [text, options] = [encodeURIComponent(odd), '-c work_mem=8MB'];
    await bothSay(
      `postgres://${text}:${text}@127.0.0.1:${recorder.port}/${text}?options=${encodeURIComponent(options)}`,
      recorder,
      { user: odd, password: odd, database: odd, options, tls: false },
    );
  });

  for (const [mode, tls] of Object.entries({ disable: false, 'no-verify': true, require: true })) {
    it(`asks ${tls ? '' : 'not '}for TLS with sslmode=${mode}`, async () => {
      const recorder = await listen({ host: '127.0.0.1', port: 0 });
      const dsn = `postgres://rtm:secret@127.0.0.1:${recorder.port}/galaxy?sslmode=${mode}`;
      await bothSay(dsn, recorder, tls ? { tls } : asRtm);
    });
  }
});
