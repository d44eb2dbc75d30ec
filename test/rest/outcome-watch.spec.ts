import { expect } from 'chai';
import type { DatabasePool } from 'slonik';
import type { Operation } from '../../lib/operation.ts';
import { makeOutcomeWatch, type OutcomeWatch } from '../../openapi/outcome-watch.ts';
import { rejectionOf } from '../helpers/failure-of.ts';
import { type FakeTimers, useFakeTimers } from '../helpers/fake-timers.ts';
import { type MemoryLogger, makeMemoryLogger } from '../helpers/memory-logger.ts';

const never = new AbortController().signal;
const ended = (operationId: string) => ({ operationId, status: 'finished' }) as Operation;
const lost = () => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
/** Lets everything happen that waits for no timer. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** PostgreSQL as far as it matters here: each question, and the answer that the test gives it. */
describe('the watch over outcomes', () => {
  let timers: FakeTimers;
  let watch: OutcomeWatch;
  let log: MemoryLogger;
  let questions: { ids: readonly string[]; answer: PromiseWithResolvers<Operation[]> }[];

  beforeEach(() => {
    timers = useFakeTimers();
    log = makeMemoryLogger();
    questions = [];
    const any = ({ values }: { values: readonly string[][] }) => {
      const answer = Promise.withResolvers<Operation[]>();
      questions.push({ ids: values[0] ?? [], answer });
      return answer.promise;
    };
    watch = makeOutcomeWatch({ db: { any } as unknown as DatabasePool, log });
  });
  afterEach(() => {
    watch.close();
    timers.restore();
  });

  const asked = () => questions.map(({ ids }) => ids);
  const answerWith = async (...ids: string[]) => {
    questions.at(-1)?.answer.resolve(ids.map(ended));
    await settle();
  };
  const tick = async (ms: number) => {
    await settle();
    timers.tick(ms);
    await settle();
  };

  it('asks once in 50 ms for all who wait, each operation once, and for nobody afterwards', async () => {
    const waiting = ['a', 'b', 'a'].map((id) => watch.wait(id, never));
    await tick(49);
    expect(asked()).to.deep.equal([]);
    await tick(1);
    expect(asked()).to.deep.equal([['a', 'b']]);
    await tick(1_000);
    expect(asked(), 'no second question beside the first').to.have.length(1);
    await answerWith('a');
    await tick(50);
    expect(asked()).to.deep.equal([['a', 'b'], ['b']]);
    await answerWith('b');
    expect((await Promise.all(waiting)).map((one) => one?.operationId)).to.deep.equal(['a', 'b', 'a']);
    await tick(10_000);
    expect(asked()).to.have.length(2);
  });

  it('asks at once when it is nudged, again when that comes during a question, and never for nobody', async () => {
    watch.nudge();
    await settle();
    expect(asked()).to.deep.equal([]);
    const waiting = watch.wait('a', never);
    watch.nudge();
    await settle();
    expect(asked()).to.have.length(1);
    watch.nudge();
    await answerWith();
    expect(asked()).to.have.length(2);
    await answerWith('a');
    expect(await waiting).to.deep.equal(ended('a'));
  });

  it('forgets who gives up, at once, and those who come too late for anything', async () => {
    const patience = new AbortController();
    const [impatient, patient] = [watch.wait('a', patience.signal), watch.wait('b', never)];
    patience.abort();
    expect(await impatient).to.equal(null);
    expect(await watch.wait('c', patience.signal)).to.equal(null);
    await tick(50);
    expect(asked()).to.deep.equal([['b']]);
    watch.close();
    expect(await patient).to.equal(null);
    expect(await watch.wait('d', never)).to.equal(null);
    await answerWith();
    await tick(1_000);
    expect(asked()).to.have.length(1);
  });

  it('goes on while PostgreSQL is away or silent, and says so once an outage', async () => {
    const waiting = watch.wait('a', never);
    for (const fail of [
      () => questions.at(-1)?.answer.reject(lost()),
      () => timers.tick(10_000),
      () => questions.at(-1)?.answer.reject(lost()),
    ]) {
      await tick(50);
      fail();
      await settle();
    }
    expect(log.lines.map((line) => line.level)).to.deep.equal(['warn']);
    await tick(50);
    await answerWith();
    await tick(50);
    questions.at(-1)?.answer.reject(lost());
    await tick(50);
    expect(log.lines, 'the next outage').to.have.length(2);
    await tick(50);
    await answerWith('a');
    expect(await waiting).to.deep.equal(ended('a'));
  });

  it('fails those who wait when the question itself is wrong, and serves the next', async () => {
    const failed = rejectionOf(watch.wait('a', never));
    await tick(50);
    questions.at(-1)?.answer.reject(new Error('relation does not exist'));
    expect((await failed).message).to.equal('relation does not exist');
    const waiting = watch.wait('b', never);
    await tick(50);
    await answerWith('b');
    expect(await waiting).to.deep.equal(ended('b'));
  });
});
