import { expect } from 'chai';
import { rejectionOf } from '../helpers/failure-of.ts';
import { makeStore, type Store } from '../helpers/store.ts';

const FINISHED = "status = 'finished', lease_until = null, outcome = 'success', finished_at = now()";

describe('the schema refuses', () => {
  let store: Store;

  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  afterEach(() => store.clear());

  /** SQLSTATE and constraint by which a statement was refused. */
  async function refusal(statement: string): Promise<string> {
    const error = await rejectionOf(store.rows(statement));
    const { code, constraint } = error as Error & { code?: string; constraint?: string };
    return [code, constraint].filter((part) => part !== undefined).join(' ');
  }

  it('a second running operation of one game, and allows one in each of two games', async () => {
    await store.queue({}, {}, { gameId: 'other' });
    await store.claim('g');
    await store.claim('other');
    expect(
      await refusal(
        "update rtmanager.operation_log set status = 'running', lease_until = now() where status = 'queued'",
      ),
    ).to.equal('23505 operation_log_one_running');
  });

  it('any change of a finished operation, even one that writes what is there', async () => {
    await store.queue({});
    await store.claim('g');
    await store.rows(`update rtmanager.operation_log set ${FINISHED}`);
    const before = await store.world();
    for (const change of [
      "outcome = 'failure', error_code = 'conflict'",
      "status = 'queued'",
      'attempt = attempt',
    ]) {
      expect(await refusal(`update rtmanager.operation_log set ${change}`)).to.match(/^23514/);
    }
    expect(await store.world()).to.deep.equal(before);
  });

  it('an operation that runs without a lease, or has a lease without running', async () => {
    await store.queue({});
    const set = (change: string) => refusal(`update rtmanager.operation_log set ${change}`);
    expect(await set("status = 'running'")).to.equal('23514 running_has_lease');
    expect(await set('lease_until = now()')).to.equal('23514 running_has_lease');
  });

  it('an end without an outcome, an outcome without an end, and a failure without a code', async () => {
    await store.queue({});
    await store.claim('g');
    const set = (change: string) => refusal(`update rtmanager.operation_log set ${change}`);
    expect(await set("status = 'finished', lease_until = null")).to.equal('23514 finished_has_outcome');
    expect(await set("outcome = 'success', finished_at = now()")).to.equal('23514 finished_has_outcome');
    expect(await set(FINISHED.replace('success', 'failure'))).to.equal('23514 failure_has_code');
  });

  it('a request without a place in its order', async () => {
    await store.queue({});
    expect(await refusal('update rtmanager.operation_log set seq = null')).to.equal(
      '23514 only_inner_without_seq',
    );
  });

  it('the same request a second time, and allows any number without a reference', async () => {
    await store.queue({ sourceRef: 'runtime:start_jobs/1-0' }, {}, {});
    expect(
      await refusal(
        "update rtmanager.operation_log set source_ref = 'runtime:start_jobs/1-0' where source_ref is null",
      ),
    ).to.equal('23505 operation_log_source');
  });

  it('a running record without a container', async () => {
    const insert = (status: string, container: string) => `
      insert into rtmanager.runtime_records (game_id, status, current_container_id, current_image_ref,
        engine_endpoint, state_path, docker_network, created_at, last_op_at)
      values ('g', '${status}', ${container}, 'engine:1', 'http://g', '/state/g', 'galaxy', now(), now())`;
    expect(await refusal(insert('running', 'null'))).to.equal('23514 running_has_container');
    expect(await refusal(insert('lost', "'c'"))).to.match(/^23514/);
    expect(await store.rows(insert('removed', 'null'))).to.deep.equal([]);
  });

  it('a message that is published without an entry id, or has one without being published', async () => {
    const insert = (columns: string, values: string) =>
      `insert into rtmanager.outbox (game_id, channel, fields, ${columns}) values ('g', 'job_results', '[]', ${values})`;
    expect(await refusal(insert('published_at', 'now()'))).to.equal('23514 published_has_entry');
    expect(await refusal(insert('entry_id', "'1-0'"))).to.equal('23514 published_has_entry');
  });

  it('a second deployment id', async () => {
    expect(await refusal('insert into rtmanager.deployment default values')).to.equal(
      '23505 deployment_pkey',
    );
  });
});
