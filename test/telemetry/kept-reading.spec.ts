import { expect } from 'chai';
import { makeKeptReading } from '../../lib/telemetry/kept-reading.ts';

describe('a reading that is kept', () => {
  /** Reads what `answers` say, one after the other. */
  function make(answers: (() => Promise<string>)[], { keepMs = 60_000, waitMs = 60_000 } = {}) {
    let asked = 0;
    const failures: unknown[] = [];
    const read = makeKeptReading({
      read: () => answers[asked++]?.() ?? Promise.reject(new Error('asked once too often')),
      keepMs,
      waitMs,
      onFailure: (error) => failures.push(error),
    });
    return { read, failures, asked: () => asked };
  }
  const says = (text: string) => () => Promise.resolve(text);
  const fails = () => Promise.reject(new Error('away'));

  it('is shared by those who ask at once, and by those who come soon', async () => {
    const { read, asked } = make([says('first')]);
    expect(await Promise.all([read(), read()])).to.deep.equal(['first', 'first']);
    expect(await read()).to.equal('first');
    expect(asked()).to.equal(1);
  });

  it('is made anew when it is old', async () => {
    const { read } = make([says('first'), says('second')], { keepMs: 0 });
    expect([await read(), await read()]).to.deep.equal(['first', 'second']);
  });

  it('is null while it fails, which is told once a spell', async () => {
    const { read, failures } = make([fails, fails, says('back'), fails], { keepMs: 0 });
    expect([await read(), await read(), await read(), await read()]).to.deep.equal([
      null,
      null,
      'back',
      null,
    ]);
    expect(failures).to.have.length(2);
  });

  it('is null when it is late, and nobody waits longer', async () => {
    const { read, failures } = make([() => new Promise(() => {})], { waitMs: 5 });
    expect(await read()).to.equal(null);
    expect(failures).to.have.length(1);
  });
});
