import { expect } from 'chai';
import { makeSchemaValidator } from '../../lib/contracts.ts';
import { putSnapshot } from '../../sql/health-snapshots.ts';
import { swapRecord } from '../../sql/runtime-records.ts';
import { errorCode, errorMessage } from '../helpers/assert-contract.ts';
import type { HttpExchange } from '../helpers/http-exchange.ts';
import { makeRecord } from '../helpers/records.ts';
import { makeRestService, type RestService } from '../helpers/rest-service.ts';
import { makeStore, type Store } from '../helpers/store.ts';

interface Page {
  readonly items: readonly { readonly game_id: string; readonly status: string }[];
  readonly next_cursor: string | null;
}
const pageOf = (answer: HttpExchange) => answer.json as Page;
const idsOf = (page: Page) => page.items.map((item) => item.game_id);

describe('GET /runtimes', () => {
  let store: Store;
  let rest: RestService;

  before(async function () {
    // The first suite of a run waits for PostgreSQL's container.
    this.timeout(60_000);
    store = await makeStore();
    rest = await makeRestService({ db: store.db });
  });
  after(async () => {
    await rest?.close();
    await store?.destroy();
  });
  beforeEach(() => store.clear());

  const add = async (...gameIds: readonly string[]) => {
    for (const gameId of gameIds)
      await swapRecord(store.db, { expected: null, next: makeRecord({ gameId }) });
  };
  /** 250 games, a third of each status. */
  const addMany = () =>
    store.rows(
      `insert into rtmanager.runtime_records (game_id, status, current_container_id, current_image_ref,
         engine_endpoint, state_path, docker_network, created_at, last_op_at)
       select 'game-' || n, (array['running', 'stopped', 'removed'])[n % 3 + 1], 'c' || n, 'i', 'e', 's', 'n', now(), now()
       from generate_series(0, 249) as n`,
    );
  /** Follows the cursors to the end; `between` runs after each page. */
  const allPages = async (query: string, between = async (_page: Page) => {}) => {
    const pages: Page[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: Page = pageOf(await rest.runtimes(`?${query}${cursor === '' ? '' : `&cursor=${cursor}`}`));
      pages.push(page);
      if (pages.length > 100) throw new Error('the pages have no end');
      await between(page);
      cursor = page.next_cursor;
    }
    return pages;
  };

  it('answers an empty page when there is nothing', async () => {
    const answer = await rest.runtimes();
    expect(answer.status).to.equal(200);
    expect(answer.json).to.deep.equal({ items: [], next_cursor: null });
  });

  it('tells records with their health, in order of the game', async () => {
    await add('b', 'B', 'a.1', 'a', 'a-1');
    await putSnapshot(store.db, 'a', {
      type: 'container_exited',
      source: 'reconcile',
      containerId: 'container of a',
      occurredAtMs: 1_767_225_600_123,
      details: { exit_code: 139, oom: false },
    });
    const page = pageOf(await rest.runtimes());
    expect(idsOf(page)).to.deep.equal(['B', 'a', 'a-1', 'a.1', 'b']);
    expect(page.items[1]).to.deep.include({
      health: {
        container_id: 'container of a',
        status: 'exited',
        source: 'reconcile',
        details: { exit_code: 139, oom: false },
        observed_at: '2026-01-01T00:00:00.123Z',
      },
    });
    expect(page.items[0]).to.deep.include({ health: null });
  });

  it('pages through 250 games by 100, each exactly once', async () => {
    await addMany();
    const pages = await allPages('limit=100');
    expect(pages.map((page) => page.items.length)).to.deep.equal([100, 100, 50]);
    const ids = pages.flatMap(idsOf);
    expect(new Set(ids)).to.have.property('size', 250);
    expect(ids).to.deep.equal(ids.toSorted());
  });

  it('pages by 100 without being told to', async () => {
    await addMany();
    expect(pageOf(await rest.runtimes()).items).to.have.length(100);
  });

  it('ends on the page that is exactly full', async () => {
    await addMany();
    expect((await allPages('limit=125')).map((page) => page.items.length)).to.deep.equal([125, 125]);
  });

  it('tells each game once while games are added before, between and behind', async () => {
    await addMany();
    let added = 0;
    const pages = await allPages('limit=100', async (page) => {
      added += 1;
      const last = page.items.at(-1)?.game_id ?? '';
      await add(`aaa-${added}`, `${last}-behind`, `zzz-${added}`);
    });
    const ids = pages.flatMap(idsOf);
    expect(new Set(ids).size, 'nothing twice').to.equal(ids.length);
    expect(ids.filter((id) => /^game-\d+$/.test(id))).to.have.length(250);
  });

  it('goes on behind a game that was removed from the table meanwhile', async () => {
    await add('a', 'b', 'c');
    const { next_cursor: cursor } = pageOf(await rest.runtimes('?limit=2'));
    await store.rows("delete from rtmanager.runtime_records where game_id in ('a', 'b')");
    expect(idsOf(pageOf(await rest.runtimes(`?limit=2&cursor=${cursor}`)))).to.deep.equal(['c']);
  });

  for (const status of ['running', 'stopped', 'removed']) {
    it(`filters by "${status}", over pages`, async () => {
      await addMany();
      const items = (await allPages(`status=${status}&limit=30`)).flatMap((page) => page.items);
      expect(items.length).to.be.within(83, 84);
      expect(new Set(items.map((item) => item.status))).to.deep.equal(new Set([status]));
    });
  }

  it('serves the longest and the shortest game id as a cursor', async () => {
    const longest = `a${'_.-Z'.repeat(31)}abc`;
    await add('0', longest, 'zz');
    expect((await allPages('limit=1')).flatMap(idsOf)).to.deep.equal(['0', longest, 'zz']);
  });

  for (const [query, said] of [
    ['limit=0', 'limit'],
    ['limit=501', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=1e2', 'limit'],
    ['limit=', 'limit'],
    ['limit=100000000000000000000', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['status=dead', 'status'],
    ['status=running&status=stopped', 'status'],
    ['status[]=running', 'status[]'],
    ['Status=running', 'Status'],
    ['offset=1', 'offset'],
    ['__proto__=1', '__proto__'],
    ['toString=1', 'toString'],
    ['cursor=', 'cursor'],
    ['cursor=%00', 'cursor'],
    ['cursor=a', 'cursor'],
    ['cursor=Li4vLi4', 'cursor'],
    [`cursor=${Buffer.from("a' or 1=1").toString('base64url')}`, 'cursor'],
    [`cursor=${'a'.repeat(600)}`, 'cursor'],
    ['cursor=YQ&cursor=Yg', 'cursor'],
  ] as const) {
    it(`refuses ?${query.slice(0, 40)}`, async () => {
      const answer = await rest.runtimes(`?${query}`);
      expect([answer.status, errorCode(answer)]).to.deep.equal([400, 'invalid_request']);
      expect(errorMessage(answer)).to.include(said);
    });
  }

  it('is what the contract calls a page, and the check would see it if not', async () => {
    await add('a');
    const page = pageOf(await rest.runtimes());
    const validate = makeSchemaValidator('RuntimePage');
    expect(validate(page)).to.deep.equal({ ok: true });
    expect(validate({ ...page, total: 1 })).to.include({ ok: false });
  });
});
