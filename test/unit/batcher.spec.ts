import { expect } from 'chai';
import { makeBatcher } from '../../lib/batcher.ts';
import { rejectionOf } from '../helpers/failure-of.ts';

/** A batcher whose questions are answered by hand. */
function makeAsked(parallel: number) {
  const questions: { keys: readonly string[]; answer: PromiseWithResolvers<ReadonlyMap<string, number>> }[] =
    [];
  const find = makeBatcher<string, number>({
    parallel,
    findMany: (keys) => {
      const answer = Promise.withResolvers<ReadonlyMap<string, number>>();
      questions.push({ keys, answer });
      return answer.promise;
    },
  });
  const keysAsked = () => questions.map(({ keys }) => keys);
  const answer = (question: number, found: Record<string, number>) =>
    questions[question]?.answer.resolve(new Map(Object.entries(found)));
  return { questions, find, keysAsked, answer };
}

describe('a batcher', () => {
  it('asks at once for whoever comes first, and for all others together when that is answered', async () => {
    const { find, keysAsked, answer } = makeAsked(1);
    const asked = ['a', 'b', 'c', 'b'].map(find);
    expect(keysAsked()).to.deep.equal([['a']]);
    answer(0, { a: 1 });
    expect(await asked[0]).to.equal(1);
    expect(keysAsked()).to.deep.equal([['a'], ['b', 'c']]);
    answer(1, { b: 2 });
    expect(await Promise.all(asked)).to.deep.equal([1, 2, undefined, 2]);
  });

  it('has so many questions under way at most', async () => {
    const { find, keysAsked, answer } = makeAsked(2);
    const asked = ['a', 'b', 'c', 'd'].map(find);
    expect(keysAsked()).to.deep.equal([['a'], ['b']]);
    answer(1, {});
    await asked[1];
    expect(keysAsked()).to.deep.equal([['a'], ['b'], ['c', 'd']]);
    answer(0, {});
    answer(2, {});
    await Promise.all(asked);
  });

  it('never answers from a question that was put before', async () => {
    const { find, keysAsked, answer } = makeAsked(1);
    const [before, after] = [find('a'), find('a')];
    answer(0, { a: 1 });
    await before;
    answer(1, { a: 2 });
    expect(await after).to.equal(2);
    expect(keysAsked()).to.deep.equal([['a'], ['a']]);
  });

  it('rejects those who asked together, and goes on with the next', async () => {
    const { find, questions, answer } = makeAsked(1);
    const first = find('a');
    const second = find('b');
    questions[0]?.answer.reject(new Error('away'));
    expect(await rejectionOf(first)).to.have.property('message', 'away');
    answer(1, { b: 2 });
    expect(await second).to.equal(2);
  });
});
