import { EventEmitter } from 'node:events';
import { expect } from 'chai';
import type { Response } from 'express';
import { makeOpenStreams } from '../../openapi/open-streams.ts';
import { failureOf } from '../helpers/failure-of.ts';

/** As much of an answer as is looked at. */
const makeAnswer = () => Object.assign(new EventEmitter(), { destroyed: false }) as unknown as Response;
const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));

describe('answers without an end', () => {
  const limits = { logs: { all: 3, ofOneGame: 2 }, events: { all: 1, ofOneGame: 1 } };
  const g = { kind: 'logs', gameId: 'g' } as const;

  it('have so many places in all and of one game, which are free again when their clients leave', async () => {
    const streams = makeOpenStreams(limits);
    const answers = [makeAnswer(), makeAnswer(), makeAnswer()];
    const running = answers.map((answer, n) =>
      streams.run({ kind: 'logs', gameId: n < 2 ? 'g' : 'h' }, answer, untilAborted),
    );
    const refused = await failureOf(streams.run(g, makeAnswer(), untilAborted));
    expect([refused.code, refused.message.includes('3 streams of logs')]).to.deep.equal([
      'service_unavailable',
      true,
    ]);
    answers[2]?.emit('close');
    await running[2];
    expect((await failureOf(streams.run(g, makeAnswer(), untilAborted))).message).to.include('2 of game g');
    // Other kinds have places of their own.
    await streams.run({ kind: 'events', gameId: undefined }, makeAnswer(), async () => undefined);
    answers[0]?.emit('close');
    await running[0];
    await streams.run(g, makeAnswer(), async () => undefined);
    streams.close();
    await running[1];
  });

  it('give their place back when they fail', async () => {
    const streams = makeOpenStreams(limits);
    const fail = () => Promise.reject(new Error('no'));
    for (let n = 0; n < 5; n += 1) {
      expect(await streams.run(g, makeAnswer(), fail).catch((error: Error) => error.message)).to.equal('no');
    }
  });

  it('end with the replica, and none begins any more', async () => {
    const streams = makeOpenStreams(limits);
    let reason: unknown;
    const running = streams.run(g, makeAnswer(), async (signal) => {
      await untilAborted(signal);
      reason = signal.reason;
    });
    streams.close();
    await running;
    expect(reason).to.include({ code: 'service_unavailable' });
    const late = await failureOf(streams.run(g, makeAnswer(), untilAborted));
    expect(late.message).to.equal('Runtime Manager is shutting down');
  });

  it('of a client that has gone before are ended at once', async () => {
    const answer = Object.assign(makeAnswer(), { destroyed: true });
    await makeOpenStreams(limits).run(g, answer, async (signal) => {
      expect(signal.aborted).to.equal(true);
    });
  });
});
