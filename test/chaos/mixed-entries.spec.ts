import { expect } from 'chai';
import { containersOf } from '../helpers/containers.ts';
import { GAME_IMAGE } from '../helpers/docker.ts';
import { eventually } from '../helpers/eventually.ts';
import { type Flow, makeFlow, newGame } from '../helpers/flow.ts';
import { type Entry, STREAMS } from '../helpers/lobby.ts';
import { type Replica, startReplica } from '../helpers/replica.ts';
import { type LocalImage, makeTinyImage } from '../helpers/tiny-image.ts';
import { makePoison, makeScripts, type Poison, type Step } from './game-scripts.ts';

const GAMES = 20;
const ANSWERED_WITHIN_MS = 60_000;

interface Asked extends Step {
  readonly entryId: string;
}

describe('200 mixed entries, 50 poison ones among them, and two replicas', () => {
  let flow: Flow;
  let image: LocalImage;
  const replicas: Replica[] = [];
  const games = Array.from({ length: GAMES }, () => newGame());
  const asked = new Map<string, Asked[]>(games.map((gameId) => [gameId, []]));
  const poisoned: (Poison & { entryId: string })[] = [];
  let answers: Entry[];

  before(async function () {
    this.timeout(ANSWERED_WITHIN_MS + 20_000);
    flow = await makeFlow();
    image = await makeTinyImage();
    const poison = games.slice(0, 5).flatMap(makePoison);
    const entries = interleave(games, makeScripts(image.ref, GAME_IMAGE), poison);
    expect(entries).to.have.length(200);
    // Half of it waits when the replicas come, the other half arrives while they work.
    for (const write of entries.slice(0, 100)) await write();
    const variables = flow.world.variables({ RTMANAGER_CONTAINER_STOP_TIMEOUT_SECONDS: '2' });
    replicas.push(...(await Promise.all([startReplica(variables), startReplica(variables)])));
    for (const write of entries.slice(100)) await write();
    answers = await allAnswers();
  });
  after(async () => {
    const ends = await Promise.all(replicas.map((replica) => replica.end('SIGTERM')));
    await flow?.destroy();
    await image?.remove();
    expect(ends.map(({ code }) => code)).to.deep.equal([0, 0]);
  });

  /** The n-th request of every game before the next one of any, and a poison entry after every third. */
  function interleave(
    gameIds: readonly string[],
    scripts: readonly (readonly Step[])[],
    poison: readonly Poison[],
  ): (() => Promise<unknown>)[] {
    const requests: (() => Promise<unknown>)[] = [];
    const longest = Math.max(...scripts.map((script) => script.length));
    for (let place = 0; place < longest; place += 1) {
      for (const [index, gameId] of gameIds.entries()) {
        const step = scripts[index % scripts.length]?.[place];
        if (step) requests.push(() => ask(gameId, step));
      }
    }
    return requests.flatMap((request, index) => {
      const bad = index % 3 === 2 ? poison[(index - 2) / 3] : undefined;
      return bad ? [request, () => spoil(bad)] : [request];
    });
  }
  async function ask(gameId: string, step: Step): Promise<void> {
    const entryId = await step.write(flow.lobby, gameId);
    asked.get(gameId)?.push({ ...step, entryId });
  }
  async function spoil(bad: Poison): Promise<void> {
    const entryId = await flow.world.redis.client.xadd(bad.stream, '*', ...bad.fields);
    poisoned.push({ ...bad, entryId: String(entryId) });
  }

  /** Every distinct answer, in the order of the stream: entry ids are unique within one job stream only. */
  async function allAnswers(): Promise<Entry[]> {
    const expected = 150 + poisoned.filter(({ answeredTo }) => answeredTo !== undefined).length;
    return eventually(
      async () => {
        const entries = await flow.lobby.entries(STREAMS.jobResults);
        const distinct = new Map(entries.map((entry) => [keyOf(entry.fields), entry]));
        return distinct.size >= expected && [...distinct.values()];
      },
      { what: `${expected} answers`, timeoutMs: ANSWERED_WITHIN_MS, intervalMs: 100 },
    );
  }
  const keyOf = ({ op_kind: kind, request_entry_id: id }: Entry['fields']): string => `${kind} ${id}`;

  it('every readable entry is answered as the order of arrival has it, and in that order', () => {
    for (const [gameId, requests] of asked) {
      const expected = requests.map(({ opKind, entryId, ends }) => [`${opKind} ${entryId}`, ends]);
      const executed = answers
        .filter(({ fields }) => fields.game_id === gameId && fields.error_code !== 'invalid_request')
        .map(({ fields }) => [keyOf(fields), fields.error_code]);
      expect(executed, gameId).to.deep.equal(expected);
    }
  });

  it('failures carry no container, successes the one of their game', () => {
    for (const { fields } of answers) {
      if (fields.outcome === 'success') expect(fields.container_id).to.match(/^[0-9a-f]{64}$/);
      else expect(fields).to.include({ container_id: '', engine_endpoint: '' });
    }
  });

  it('every other entry lies among the dead letters, once and with its fields', async () => {
    const letters = await flow.lobby.entries(STREAMS.deadLetters);
    expect(letters).to.have.length(50);
    for (const stream of [STREAMS.startJobs, STREAMS.stopJobs]) {
      const of = letters.filter(({ fields }) => fields.source_stream === stream);
      const bad = poisoned.filter((one) => one.stream === stream);
      expect(of.map(({ fields }) => fields.source_entry_id)).to.have.members(bad.map((one) => one.entryId));
    }
    for (const { fields } of letters) {
      expect(fields).to.have.all.keys(
        'source_stream',
        'source_entry_id',
        'error_code',
        'error_message',
        'fields_json',
        'rejected_at_ms',
      );
      expect(fields.error_code).to.equal('invalid_request');
      expect(Object.keys(JSON.parse(fields.fields_json ?? ''))).not.to.deep.equal([]);
    }
  });

  it('a poison entry is answered where it names a game, and nowhere else', () => {
    const refused = answers.filter(({ fields }) => fields.error_code === 'invalid_request');
    expect(refused.map(({ fields }) => [fields.request_entry_id, fields.game_id])).to.have.deep.members(
      poisoned.filter((bad) => bad.answeredTo !== undefined).map((bad) => [bad.entryId, bad.answeredTo]),
    );
  });

  it('each game has the containers that its script leaves, and each request one outcome', async () => {
    for (const [index, gameId] of games.entries()) {
      const running = await containersOf(gameId);
      const record = await flow.rows.record(gameId);
      if (index % 2 === 0) {
        expect(running.map(({ State }) => State.Running)).to.deep.equal([true]);
        expect(record).to.include({ status: 'running', current_container_id: running[0]?.Id });
      } else {
        expect({ containers: running.length, record }).to.deep.equal({ containers: 0, record: undefined });
      }
      const operations = await flow.rows.operations(gameId);
      expect(operations.map(({ source_ref: ref }) => ref)).to.deep.equal(
        asked.get(gameId)?.map(({ opKind, entryId }) => `runtime:${opKind}_jobs/${entryId}`),
      );
    }
  });
});
