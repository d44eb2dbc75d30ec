import { expect } from 'chai';
import fc from 'fast-check';
import { makeSemaphore } from '../../lib/semaphore.ts';

/** Lets everything that is ready to run, run. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('semaphore', () => {
  it('lets so many in and the rest wait, in order', async () => {
    const semaphore = makeSemaphore(2);
    const order: number[] = [];
    const releases = [await semaphore.acquire(), await semaphore.acquire()];
    const later = [1, 2, 3].map(async (name) => {
      const release = await semaphore.acquire();
      order.push(name);
      return release;
    });
    await settle();
    expect([order, semaphore.free, semaphore.waiting]).to.deep.equal([[], 0, 3]);
    releases[0]?.();
    await settle();
    expect(order).to.deep.equal([1]);
    releases[1]?.();
    (await later[0])?.();
    await settle();
    expect(order).to.deep.equal([1, 2, 3]);
    (await later[1])?.();
    (await later[2])?.();
    expect([semaphore.free, semaphore.waiting]).to.deep.equal([2, 0]);
  });

  it('counts a release once', async () => {
    const semaphore = makeSemaphore(1);
    const release = await semaphore.acquire();
    release();
    release();
    expect(semaphore.free).to.equal(1);
    const second = await semaphore.acquire();
    release();
    expect(semaphore.free).to.equal(0);
    second();
  });

  it('hands a permit to the waiter, not to a newcomer', async () => {
    const semaphore = makeSemaphore(1);
    const order: string[] = [];
    const release = await semaphore.acquire();
    const waiter = semaphore.run(() => order.push('waiter'));
    release();
    const newcomer = semaphore.run(() => order.push('newcomer'));
    await Promise.all([waiter, newcomer]);
    expect(order).to.deep.equal(['waiter', 'newcomer']);
  });

  it('lets a waiter give up, and only that one', async () => {
    const semaphore = makeSemaphore(1);
    const release = await semaphore.acquire();
    const controller = new AbortController();
    const reason = new Error('lease lost');
    const impatient = semaphore.acquire(controller.signal).catch((error) => error);
    const patient = semaphore.acquire();
    controller.abort(reason);
    expect(await impatient).to.equal(reason);
    expect(semaphore.waiting).to.equal(1);
    release();
    (await patient)();
    expect(semaphore.free).to.equal(1);
  });

  it('refuses an aborted caller even with permits free, and ignores an abort once inside', async () => {
    const semaphore = makeSemaphore(1);
    expect(await semaphore.acquire(AbortSignal.abort('no')).catch((error) => error)).to.equal('no');
    const controller = new AbortController();
    const release = await semaphore.acquire(controller.signal);
    controller.abort();
    expect(semaphore.free).to.equal(0);
    release();
    expect(semaphore.free).to.equal(1);
  });

  it('releases after a failure, also of work that is not asynchronous', async () => {
    const semaphore = makeSemaphore(1);
    const failure = new Error('x');
    const failing = (): never => {
      throw failure;
    };
    expect(await semaphore.run(failing).catch((error) => error)).to.equal(failure);
    expect(await semaphore.run(async () => failing()).catch((error) => error)).to.equal(failure);
    expect(await semaphore.run(() => 7)).to.equal(7);
    expect(semaphore.free).to.equal(1);
  });

  for (const permits of [0, -1, 1.5, Number.NaN]) {
    it(`is not made with ${permits} permits`, () =>
      expect(() => makeSemaphore(permits)).to.throw(RangeError));
  }

  it('never lets too many in, loses no permit, and keeps the order of those who stay', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.record({ turns: fc.nat(4), givesUpAfter: fc.option(fc.nat(6), { nil: undefined }) }), {
          maxLength: 30,
        }),
        async (permits, callers) => {
          const semaphore = makeSemaphore(permits);
          const entered: number[] = [];
          let inside = 0;
          await Promise.all(
            callers.map(async ({ turns, givesUpAfter }, index) => {
              const controller = new AbortController();
              const work = semaphore.run(async () => {
                entered.push(index);
                inside += 1;
                expect(inside).to.be.at.most(permits);
                for (let turn = 0; turn < turns; turn += 1) await settle();
                inside -= 1;
              }, controller.signal);
              if (givesUpAfter !== undefined) {
                for (let turn = 0; turn < givesUpAfter; turn += 1) await settle();
                controller.abort('gave up');
              }
              await work.catch((error) => expect(error).to.equal('gave up'));
            }),
          );
          expect(semaphore.free).to.equal(permits);
          expect(semaphore.waiting).to.equal(0);
          expect(entered).to.deep.equal([...entered].sort((left, right) => left - right));
        },
      ),
      { numRuns: 50 },
    );
  });
});
