import { expect } from 'chai';
import { makeSingleFlight } from '../../lib/single-flight.ts';

describe('single flight', () => {
  it('does the work of one key once and gives everybody the result', async () => {
    const flights = makeSingleFlight<string, number>();
    const work = Promise.withResolvers<number>();
    let runs = 0;
    const run = (): Promise<number> =>
      flights.run('a', () => {
        runs += 1;
        return work.promise;
      });
    const callers = [run(), run(), run()];
    expect(flights.size).to.equal(1);
    work.resolve(7);
    expect(await Promise.all(callers)).to.deep.equal([7, 7, 7]);
    expect([runs, flights.size]).to.deep.equal([1, 0]);
  });

  it('does the work again for whoever comes afterwards', async () => {
    const flights = makeSingleFlight<string, number>();
    let runs = 0;
    const work = async (): Promise<number> => ++runs;
    expect(await flights.run('a', work)).to.equal(1);
    expect(await flights.run('a', work)).to.equal(2);
  });

  it('keeps keys apart', async () => {
    const flights = makeSingleFlight<string, string>();
    const both = [flights.run('a', async () => 'A'), flights.run('b', async () => 'B')];
    expect(await Promise.all(both)).to.deep.equal(['A', 'B']);
  });

  it('gives a failure to everybody and forgets it', async () => {
    const flights = makeSingleFlight<string, number>();
    const failure = new Error('pull failed');
    const fail = async (): Promise<number> => {
      throw failure;
    };
    const callers = [flights.run('a', fail), flights.run('a', fail)].map((caller) =>
      caller.catch((error) => error),
    );
    expect(await Promise.all(callers)).to.deep.equal([failure, failure]);
    expect(await flights.run('a', async () => 1)).to.equal(1);
  });

  it('takes work that throws at once like work that fails', async () => {
    const flights = makeSingleFlight<string, number>();
    const failure = new Error('x');
    const thrown = flights.run('a', () => {
      throw failure;
    });
    expect(await thrown.catch((error) => error)).to.equal(failure);
    expect(flights.size).to.equal(0);
  });

  it('lets one caller leave and goes on for the other', async () => {
    const flights = makeSingleFlight<string, number>();
    const work = Promise.withResolvers<number>();
    const leaving = new AbortController();
    let shared: AbortSignal | undefined;
    const start = (signal: AbortSignal): Promise<number> => {
      shared = signal;
      return work.promise;
    };
    const first = flights.run('a', start, leaving.signal).catch((error) => error);
    const second = flights.run('a', start);
    leaving.abort('lease lost');
    expect(await first).to.equal('lease lost');
    expect(shared?.aborted).to.equal(false);
    work.resolve(7);
    expect(await second).to.equal(7);
    expect(shared?.aborted, 'finished work is not aborted').to.equal(false);
  });

  it('aborts the work when the last caller has left, and swallows its failure', async () => {
    const flights = makeSingleFlight<string, number>();
    const ended = Promise.withResolvers<string>();
    const leaving = [new AbortController(), new AbortController()];
    const callers = leaving.map(({ signal }) =>
      flights
        .run(
          'a',
          (shared) =>
            new Promise((_resolve, reject) => {
              shared.addEventListener('abort', () => {
                reject(shared.reason);
                ended.resolve(String(shared.reason));
              });
            }),
          signal,
        )
        .catch((error) => error),
    );
    for (const [index, controller] of leaving.entries()) controller.abort(index);
    expect(await Promise.all(callers)).to.deep.equal([0, 1]);
    expect(await ended.promise).to.include('nobody waits');
    expect(flights.size).to.equal(0);
  });

  it('begins anew for a caller who comes while the old work is being aborted', async () => {
    const flights = makeSingleFlight<string, string>();
    const stubborn = Promise.withResolvers<string>();
    const leaving = new AbortController();
    const first = flights.run('a', () => stubborn.promise, leaving.signal).catch((error) => error);
    leaving.abort('left');
    await first;
    const fresh = Promise.withResolvers<string>();
    const second = flights.run('a', () => fresh.promise);
    stubborn.resolve('stale');
    await stubborn.promise;
    expect(flights.size, 'the old work does not take the new one out').to.equal(1);
    fresh.resolve('fresh');
    expect(await second).to.equal('fresh');
  });

  it('starts nothing for a caller that has left already', async () => {
    const flights = makeSingleFlight<string, number>();
    let runs = 0;
    const gone = flights.run('a', async () => ++runs, AbortSignal.abort('gone'));
    expect(await gone.catch((error) => error)).to.equal('gone');
    expect(runs).to.equal(0);
  });
});
