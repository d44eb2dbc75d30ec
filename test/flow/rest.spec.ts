import { expect } from 'chai';
import { assertContract, errorCode } from '../helpers/assert-contract.ts';
import { docker, GAME_IMAGE } from '../helpers/docker.ts';
import { eventually } from '../helpers/eventually.ts';
import { makeFakeRegistry } from '../helpers/fake-registry.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { exchange } from '../helpers/http-exchange.ts';
import { STREAMS } from '../helpers/lobby.ts';
import { type Rtm, startRtm } from '../helpers/rtm.ts';

const REQUEST = { image_ref: GAME_IMAGE };

describe('a mutation by REST, on everything real', () => {
  let flow: Flow;
  let rtm: Rtm;

  before(async () => {
    flow = await makeFlow();
    rtm = await startRtm(flow.world);
  });
  after(async () => {
    await rtm?.close();
    await flow?.destroy();
  });

  const post = async (path: string, body: unknown, headers = {}, at = rtm) => {
    const answer = await exchange(at.url, `/api/v1/internal/runtimes/${path}`, {
      method: 'POST',
      body,
      headers,
    });
    assertContract(answer);
    return answer;
  };
  const runtimeOf = (answer: { json: unknown }) => answer.json as Readonly<Record<string, string>>;

  it('starts a game and stops it, and says nothing in the stream of job results', async () => {
    const game = newGame();
    const started = await post(`${game}/start`, REQUEST);
    expect(started.status).to.equal(200);
    expect(runtimeOf(started)).to.include({ status: 'running', current_image_ref: GAME_IMAGE });
    const container = docker.getContainer(runtimeOf(started).current_container_id ?? '');
    expect((await container.inspect()).State.Running).to.equal(true);

    const stopped = await post(`${game}/stop`, { reason: 'admin_request' }, { 'x-galaxy-caller': 'admin' });
    expect(runtimeOf(stopped)).to.include({ status: 'stopped' });
    expect((await container.inspect()).State.Running).to.equal(false);

    const log = await flow.rows.operations(game);
    expect(log.map((row) => [row.op_kind, row.op_source, row.outcome])).to.deep.equal([
      ['start', 'gm_rest', 'success'],
      ['stop', 'admin_rest', 'success'],
    ]);
    expect(await flow.lobby.entries(STREAMS.jobResults)).to.deep.equal([]);
  });

  it('answers with the code that its operation fails with', async () => {
    for (const [image, status, code] of [
      ['Galaxy/GAME:1', 422, 'start_config_invalid'],
      ['127.0.0.1:1/galaxy/game:1', 502, 'image_pull_failed'],
    ] as const) {
      const answer = await post(`${newGame()}/start`, { image_ref: image });
      expect([answer.status, errorCode(answer)]).to.deep.equal([status, code]);
    }
    expect(errorCode(await post(`${newGame()}/stop`, { reason: 'timeout' }))).to.equal('not_found');
  });

  it('runs once for a key, whichever replica is asked', async () => {
    await using other = await startRtm(flow.world);
    const game = newGame();
    const headers = { 'idempotency-key': `key of ${game}`.replaceAll(' ', '-') };
    const answers = await Promise.all(
      [rtm, other, rtm, other].map((at) => post(`${game}/start`, REQUEST, headers, at)),
    );
    expect(answers.map((answer) => answer.status)).to.deep.equal([200, 200, 200, 200]);
    expect(new Set(answers.map((answer) => runtimeOf(answer).current_container_id))).to.have.property(
      'size',
      1,
    );
    expect(await flow.rows.operations(game)).to.have.length(1);
  });

  it('is answered with 202 when its replica shuts down first, and another one ends it', async () => {
    const game = newGame();
    // Nobody runs it: its turn comes when the postponed operation before it has had its own.
    await using leaving = await startRtm(flow.world, { RTMANAGER_SHUTDOWN_TIMEOUT: '1s' });
    await flow.rows.query(
      `insert into rtmanager.operation_log (game_id, seq, op_kind, op_source, correlation_id, requested_at, reason,
         not_before)
       values ($1, nextval('rtmanager.operation_seq'), 'stop', 'gm_rest', gen_random_uuid(), now(), 'timeout',
         now() + interval '1 hour')`,
      [game],
    );
    const asking = post(`${game}/start`, REQUEST, {}, leaving);
    await eventually(async () => (await flow.rows.operations(game)).length === 2, { what: 'the request' });
    await leaving.close();
    const answer = await asking;
    expect(answer.status).to.equal(202);

    await flow.rows.query('update rtmanager.operation_log set not_before = now() where game_id = $1', [game]);
    const { location = '' } = answer.headers;
    await eventually(async () => runtimeOf(await exchange(rtm.url, location)).outcome === 'success', {
      what: 'the other replica to end it',
    });
  });

  it('is answered with 202 when it outlasts the shutdown of its replica', async () => {
    const registry = await makeFakeRegistry({ mood: 'silent' });
    const game = newGame();
    try {
      await using leaving = await startRtm(flow.world, { RTMANAGER_SHUTDOWN_TIMEOUT: '500ms' });
      // So that nobody else takes it.
      await rtm.close();
      const asking = post(`${game}/start`, { image_ref: `${registry.host}/galaxy/game:1` }, {}, leaving);
      await eventually(async () => (await flow.rows.operations(game))[0]?.status === 'running', {
        what: 'the operation to run',
      });
      await leaving.close();
      expect((await asking).status).to.equal(202);
      expect((await flow.rows.operations(game))[0]).to.include({ status: 'queued' });
    } finally {
      await registry.close();
      rtm = await startRtm(flow.world);
    }
  });

  it('keeps no stream job waiting, however many clients ask at once', async () => {
    const [busy, other] = [newGame(), newGame()];
    // Everything that is accepted for this game waits for its lock, and every connection of REST with it.
    await flow.rows.query('begin');
    await flow.rows.query('select pg_advisory_xact_lock($1, hashtext($2))', [0x52544d01, busy]);
    const crowd = Array.from({ length: 20 }, () => post(`${busy}/stop`, { reason: 'timeout' }));
    try {
      const { fields } = await flow.lobby.answerTo(await flow.lobby.start(other, GAME_IMAGE));
      expect(fields).to.include({ outcome: 'success' });
      expect((await flow.rows.operations(busy)).length, 'they still wait').to.equal(0);
    } finally {
      await flow.rows.query('rollback');
    }
    for (const answer of await Promise.all(crowd)) expect(errorCode(answer)).to.equal('not_found');
  });
});
