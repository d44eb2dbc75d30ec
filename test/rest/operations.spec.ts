import { expect } from 'chai';
import { swapRecord } from '../../sql/runtime-records.ts';
import { errorCode, errorMessage } from '../helpers/assert-contract.ts';
import type { HttpExchange } from '../helpers/http-exchange.ts';
import { failing, makePlayedRunner, type PlayedRunner } from '../helpers/played-runner.ts';
import { makeRecord } from '../helpers/records.ts';
import { makeRestService, type RestService } from '../helpers/rest-service.ts';
import { makeStore, type Store } from '../helpers/store.ts';

interface Page {
  readonly items: readonly Readonly<Record<string, unknown>>[];
  readonly next_cursor: string | null;
}
const pageOf = (answer: HttpExchange) => answer.json as Page;
const NOBODY = '00000000-0000-4000-8000-000000000000';

describe('the audit trail', () => {
  let store: Store;
  let runner: PlayedRunner;
  let rest: RestService;

  before(async function () {
    // The first suite of a run waits for PostgreSQL's container.
    this.timeout(60_000);
    store = await makeStore();
    runner = makePlayedRunner(store);
    rest = await makeRestService({ db: store.db });
  });
  after(async () => {
    await rest?.close();
    await store?.destroy();
  });
  beforeEach(() => store.clear());

  const operation = (id: unknown) => rest.ask(`/api/v1/internal/operations/${id}`);
  const history = (query = '', game = 'g') => rest.runtimes(`/${game}/operations${query}`);
  const refsOf = (page: Page) => page.items.map((item) => item.source_ref);
  const allPages = async (query: string, between = async () => {}) => {
    const pages: Page[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: Page = pageOf(await history(`?${query}${cursor === '' ? '' : `&cursor=${cursor}`}`));
      pages.push(page);
      if (pages.length > 100) throw new Error('the pages have no end');
      await between();
      cursor = page.next_cursor;
    }
    return pages;
  };

  describe('GET /operations/{operation_id}', () => {
    it('tells of an operation while it is queued, while it runs, and when it has ended', async () => {
      await store.queue({ opSource: 'gm_rest', sourceRef: 'key', imageRef: 'engine:7' });
      const [row] = await store.operations();
      const id = row?.operation_id;
      const asked = {
        operation_id: id,
        game_id: 'g',
        seq: Number(row?.seq),
        op_kind: 'start',
        op_source: 'gm_rest',
        source_ref: 'key',
        parent_operation_id: null,
        correlation_id: row?.correlation_id,
        image_ref: 'engine:7',
        reason: null,
        requested_at: '2026-01-01T00:00:00.000Z',
      };
      const open = { container_id: null, outcome: null, error_code: null, error_message: null };
      expect((await operation(id)).json).to.deep.equal({
        ...asked,
        ...open,
        status: 'queued',
        attempt: 0,
        started_at: null,
        finished_at: null,
        exit_evidence: null,
      });

      const mine = await store.claim('g');
      const running = (await operation(id)).json as Record<string, unknown>;
      expect(running).to.deep.include({
        ...asked,
        ...open,
        status: 'running',
        attempt: 1,
        finished_at: null,
        exit_evidence: null,
      });
      expect(running.started_at).to.equal(new Date(mine.startedAt ?? 0).toISOString());

      await store.expireLease('g');
      await runner.run('g', failing('conflict', 'as it ended'));
      const ended = (await operation(id)).json as Record<string, unknown>;
      expect(ended).to.deep.include({
        ...asked,
        status: 'finished',
        attempt: 2,
        outcome: 'failure',
        error_code: 'conflict',
        error_message: 'as it ended',
        started_at: running.started_at,
      });
      expect(Date.parse(String(ended.finished_at))).to.be.at.least(Date.parse(String(ended.started_at)));
    });

    it('tells how the container ended', async () => {
      await store.queue({ opKind: 'stop', opSource: 'gm_rest' });
      const exitEvidence = {
        exitCode: 1,
        oomKilled: false,
        finishedAt: '2026-01-01T00:40:12.345678901Z',
        lastLogLines: ['turn 7', 'Error: out of fuel'],
      };
      const { operationId } = await runner.run('g', { effects: { exitEvidence } });
      const told = (await operation(operationId)).json as Record<string, unknown>;
      expect(told.exit_evidence).to.deep.equal({
        exit_code: 1,
        oom_killed: false,
        finished_at: '2026-01-01T00:40:12.345Z',
        last_log_lines: ['turn 7', 'Error: out of fuel'],
      });
    });

    it('tells how the container ended also where Docker told a time that is none', async () => {
      await store.queue({ opKind: 'stop', opSource: 'gm_rest' });
      const exitEvidence = { exitCode: 1, oomKilled: false, finishedAt: 'lately', lastLogLines: null };
      const { operationId } = await runner.run('g', { effects: { exitEvidence } });
      const told = (await operation(operationId)).json as Record<string, unknown>;
      expect(told.exit_evidence).to.deep.include({ exit_code: 1, finished_at: null });
    });

    it('knows an id in capitals too', async () => {
      await store.queue({});
      const id = String((await store.operations())[0]?.operation_id);
      expect((await operation(id.toUpperCase())).json).to.include({ operation_id: id });
    });

    for (const id of [NOBODY, 'nobody', '1', NOBODY.slice(1), `{${NOBODY}}`, '%27', '..', 'a'.repeat(128)]) {
      it(`does not know ${id.slice(0, 40)}`, async () => {
        const answer = await operation(encodeURI(id).replaceAll('%25', '%'));
        expect([answer.status, errorCode(answer)]).to.deep.equal([404, 'not_found']);
      });
    }

    it('refuses what is too long for any id', async () => {
      const answer = await operation('a'.repeat(129));
      expect([answer.status, errorCode(answer)]).to.deep.equal([400, 'invalid_request']);
      expect(errorMessage(answer)).to.include('operation_id');
    });
  });

  describe('GET /runtimes/{game_id}/operations', () => {
    it('lists the operations of one game, those accepted last first, also of one batch', async () => {
      await store.queue(...Array.from({ length: 20 }, (_, index) => ({ sourceRef: `a${index}` })), {
        sourceRef: 'other',
        gameId: 'G',
      });
      await store.queue({ sourceRef: 'b' });
      const page = pageOf(await history());
      expect(refsOf(page)).to.deep.equal([
        'b',
        ...Array.from({ length: 20 }, (_, index) => `a${19 - index}`),
      ]);
      expect(page.next_cursor).to.equal(null);
      expect(page.items[0]).to.deep.equal((await operation(page.items[0]?.operation_id)).json);
    });

    it('lists the inner entries of an operation before it, the later one first', async () => {
      await store.queue({ opKind: 'restart', sourceRef: 'restart' });
      const entry = {
        outcome: 'success',
        errorCode: null,
        errorMessage: null,
        containerId: 'c',
        startedAt: 0,
      } as const;
      const { operationId, correlationId } = await runner.run('g', {
        effects: {
          inner: [
            { ...entry, opKind: 'stop', imageRef: null, reason: 'admin_request' },
            { ...entry, opKind: 'start', imageRef: 'engine:1', reason: null },
          ],
        },
      });
      const { items } = pageOf(await history());
      expect(items.map((item) => item.op_kind)).to.deep.equal(['start', 'stop', 'restart']);
      for (const inner of items.slice(0, 2)) {
        expect(inner).to.include({
          parent_operation_id: operationId,
          correlation_id: correlationId,
          seq: null,
          source_ref: null,
          status: 'finished',
        });
      }
    });

    it('pages through 250 operations, each exactly once, in their order', async () => {
      await store.queue(...Array.from({ length: 250 }, (_, index) => ({ sourceRef: `${index}` })));
      const pages = await allPages('limit=100');
      expect(pages.map((page) => page.items.length)).to.deep.equal([100, 100, 50]);
      expect(pages.flatMap(refsOf)).to.deep.equal(Array.from({ length: 250 }, (_, at) => `${249 - at}`));
      expect(pageOf(await history()).items, 'by 100 without being told').to.have.length(100);
      expect((await allPages('limit=125')).map((page) => page.items.length)).to.deep.equal([125, 125]);
    });

    it('tells those apart that were accepted within one microsecond, and between two milliseconds', async () => {
      await store.queue(...Array.from({ length: 30 }, (_, index) => ({ sourceRef: `${index}` })));
      await store.rows(
        `update rtmanager.operation_log set accepted_at = timestamptz '2026-01-01' + (seq / 3) * interval '1 microsecond'`,
      );
      const refs = (await allPages('limit=1')).flatMap(refsOf);
      expect(refs).to.have.length(30);
      expect(new Set(refs)).to.have.property('size', 30);
    });

    it('goes on where it was while operations are added', async () => {
      await store.queue(...Array.from({ length: 10 }, (_, index) => ({ sourceRef: `${index}` })));
      let added = 0;
      const pages = await allPages('limit=3', async () => {
        added += 1;
        await store.queue({ sourceRef: `new ${added}` });
      });
      expect(pages.flatMap(refsOf)).to.deep.equal(['9', '8', '7', '6', '5', '4', '3', '2', '1', '0']);
    });

    it('goes on where it was behind an operation that has outlived its retention', async () => {
      await store.queue({ sourceRef: '1' }, { sourceRef: '2' }, { sourceRef: '3' });
      const { next_cursor: cursor } = pageOf(await history('?limit=2'));
      await store.rows("delete from rtmanager.operation_log where source_ref = '2'");
      expect(refsOf(pageOf(await history(`?cursor=${cursor}`)))).to.deep.equal(['1']);
      await store.rows("delete from rtmanager.operation_log where source_ref = '1'");
      expect(pageOf(await history(`?cursor=${cursor}`))).to.deep.equal({ items: [], next_cursor: null });
    });

    it('refuses a cursor that no answer about this game gave', async () => {
      await store.queue({ sourceRef: '1' }, { sourceRef: '2' }, { sourceRef: 'other', gameId: 'G' });
      const { next_cursor: cursor, items } = pageOf(await history('?limit=1'));
      const [gameId, micros, id] = Buffer.from(String(cursor), 'base64url').toString().split('/');
      for (const [forged, game] of [
        [NOBODY, 'g'],
        [items[0]?.operation_id, 'g'],
        [cursor, 'G'],
        [`${cursor}AA`, 'g'],
        ...[
          `${gameId}/${micros}`,
          `${gameId}/x/${id}`,
          `${gameId}/${micros}/x`,
          `${gameId}/${micros}00000/${id}`,
        ].map((text) => [Buffer.from(text).toString('base64url'), 'g']),
      ]) {
        const answer = await history(`?cursor=${forged}`, String(game));
        expect([answer.status, errorCode(answer)], String(forged)).to.deep.equal([400, 'invalid_request']);
        expect(errorMessage(answer)).to.include('cursor');
      }
    });

    it('does not know a game that nothing was ever asked for', async () => {
      await store.queue({ gameId: 'G' });
      const answer = await history();
      expect([answer.status, errorCode(answer)]).to.deep.equal([404, 'not_found']);
    });

    it('knows a game whose start failed, and one of which only the record is left', async () => {
      await store.queue({ gameId: 'failed' });
      await runner.run('failed', failing('start_config_invalid'));
      expect(pageOf(await history('', 'failed')).items[0]).to.include({ outcome: 'failure' });
      expect((await rest.runtimes('/failed')).status).to.equal(404);
      await swapRecord(store.db, { expected: null, next: makeRecord() });
      expect((await history()).json).to.deep.equal({ items: [], next_cursor: null });
    });

    for (const query of [
      'limit=0',
      'limit=501',
      'limit=ten',
      'status=running',
      'cursor=',
      'cursor=1',
      `cursor=${NOBODY}0`,
      'cursor=..%2f',
      `cursor=${NOBODY}&cursor=${NOBODY}`,
    ]) {
      it(`refuses ?${query}`, async () => {
        await store.queue({});
        const answer = await history(`?${query}`);
        expect([answer.status, errorCode(answer)]).to.deep.equal([400, 'invalid_request']);
        expect(errorMessage(answer)).to.include(query.split('=')[0]);
      });
    }
  });

  it('answers HEAD as GET without the body, and no other method', async () => {
    await store.queue({});
    const id = (await store.operations())[0]?.operation_id;
    for (const path of ['/api/v1/internal/runtimes/g/operations', `/api/v1/internal/operations/${id}`]) {
      expect(await rest.ask(path, { method: 'HEAD' })).to.include({ status: 200, text: '' });
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
        const answer = await rest.ask(path, { method });
        expect([answer.status, answer.headers.allow]).to.deep.equal([405, 'GET, HEAD']);
      }
    }
  });
});
