import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { DatabasePool } from 'slonik';
import { type AccessTokens, openTokens } from '../../lib/access-tokens.ts';
import { makeNoteRefused } from '../../openapi/refused-callers.ts';
import { eventually } from '../helpers/eventually.ts';
import { makeMemoryLogger } from '../helpers/memory-logger.ts';
import { makeReadMetrics } from '../helpers/read-metrics.ts';
import { makeHttpConfig, makeRestService, type RestService } from '../helpers/rest-service.ts';

const OLD = 'old-0123456789abcdef0123456789abcdef';
const NEW = 'new-0123456789abcdef0123456789abcdef';
const REFUSED = 'rtmanager_unauthorized_requests_total';

describe('tokens of the listener', () => {
  let rest: RestService | undefined;
  afterEach(() => rest?.close());

  it('are two during a rotation', async () => {
    rest = await makeRestService({ db: {} as DatabasePool, token: `${OLD},${NEW}` });
    const statusWith = async (token: string) =>
      (await rest?.ask('/metrics', { headers: { authorization: `Bearer ${token}` } }))?.status;
    expect(await statusWith(OLD)).to.equal(200);
    expect(await statusWith(NEW)).to.equal(200);
    expect(await statusWith(`${OLD},${NEW}`)).to.equal(401);
  });

  it('leave a count by path template and one log line, however often a caller guesses', async () => {
    const { metrics, read } = makeReadMetrics();
    rest = await makeRestService({ db: {} as DatabasePool, token: OLD, metrics });
    for (let guess = 0; guess < 20; guess += 1) {
      const headers = { authorization: `Bearer guess-${guess}` };
      await rest.runtimes(`/game-${guess}/start`, { method: 'POST', headers });
    }
    await rest.runtimes();
    await rest.ask('/admin/queues', { headers: { authorization: 'Basic eDp5' } });
    await rest.ask('/.env', { headers: { authorization: 'Bearer x' } });
    const start = '/api/v1/internal/runtimes/{game_id}/start';
    expect(await read(REFUSED, { path: start, reason: 'wrong' })).to.equal(20);
    expect(await read(REFUSED, { path: '/api/v1/internal/runtimes', reason: 'missing' })).to.equal(1);
    expect(await read(REFUSED, { path: '/admin', reason: 'wrong' })).to.equal(1);
    expect(await read(REFUSED, { path: 'other', reason: 'wrong' })).to.equal(1);
    const told = rest.log.lines.filter(({ message }) => message === 'a caller sent a wrong token');
    expect(told.map(({ fields }) => fields)).to.deep.equal([
      { address: '127.0.0.1', path: start, refused_since_last_line: 0 },
    ]);
    expect(JSON.stringify(rest.log.lines)).not.to.include('guess-');
  });

  it('are logged once a minute and address, for a bounded number of addresses', () => {
    const log = makeMemoryLogger();
    let nowMs = 0;
    const note = makeNoteRefused({ log, metrics: { count: () => {} }, nowMs: () => nowMs });
    const refuse = (remoteAddress: string) =>
      note({ originalUrl: '/metrics', socket: { remoteAddress } } as Parameters<typeof note>[0], 'wrong');
    for (let count = 0; count < 1_000; count += 1) refuse(`10.0.${count >> 8}.${count & 255}`);
    expect(log.lines).to.have.length(100);
    nowMs = 60_000;
    refuse('10.0.0.0');
    expect(log.lines).to.have.length(101);
    expect(log.lines.at(-1)?.fields.refused_since_last_line).to.equal(900);
  });

  describe('from a file', () => {
    let directory: string;
    let tokens: AccessTokens | undefined;
    const file = () => join(directory, 'token');
    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), 'tokens-'));
    });
    afterEach(async () => {
      tokens?.close();
      await rm(directory, { recursive: true });
    });

    const open = (log = makeMemoryLogger()) => {
      const http = makeHttpConfig({ listen: { host: undefined, port: 0 }, tokenFile: file() });
      tokens = openTokens(http, log, 5);
      return log;
    };

    it('change with it, also by an atomic rename and a swapped link, and not for a broken one', async () => {
      await writeFile(file(), `${OLD}\n`);
      const log = open();
      expect(tokens?.matches(OLD)).to.equal(true);
      await writeFile(`${file()}.new`, `${NEW},${OLD}\n`);
      await rename(`${file()}.new`, file());
      await eventually(() => tokens?.matches(NEW), { what: 'the new token to be accepted', intervalMs: 5 });
      expect(tokens?.matches(OLD)).to.equal(true);

      for (const broken of ['', 'short', 'two words of a line that is long enough for a token']) {
        const before = log.lines.length;
        await writeFile(file(), broken);
        await eventually(() => log.lines.length > before, {
          what: `"${broken}" to be refused`,
          intervalMs: 5,
        });
        expect(log.lines.at(-1)?.level).to.equal('error');
        expect(tokens?.matches(NEW)).to.equal(true);
      }

      await writeFile(join(directory, 'data-2'), NEW);
      await symlink('data-2', `${file()}.link`);
      await rename(`${file()}.link`, file());
      await eventually(() => !tokens?.matches(OLD), { what: 'the old token to be refused', intervalMs: 5 });
      expect(tokens?.matches(NEW)).to.equal(true);
    });

    it('keep RTM from starting when they are weak or unreadable', async () => {
      await writeFile(file(), 'short');
      expect(() => open()).to.throw('less than 32 characters');
      await writeFile(file(), '');
      expect(() => open()).to.throw('token file');
    });
  });
});
