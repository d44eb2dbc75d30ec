import { expect } from 'chai';
import fc from 'fast-check';
import { LOG_TAIL, makeLogTail } from '../../lib/docker/log-tail.ts';
import { storableText } from '../../lib/storable-text.ts';
import { logFrame } from '../helpers/log-frame.ts';

const read = (log: Buffer, { tty = false, cutAt = [] as readonly number[] } = {}): string[] | null => {
  const tail = makeLogTail({ tty });
  let from = 0;
  for (const to of [...cutAt, log.length]) {
    tail.push(log.subarray(from, to));
    from = to;
  }
  return tail.end();
};
const joined = (...frames: readonly Buffer[]): Buffer => Buffer.concat(frames);
const lines = (count: number, text = (n: number) => `line ${n}`): string =>
  Array.from({ length: count }, (_, n) => `${text(n)}\n`).join('');

describe('the end of a container log', () => {
  it('is both its streams, oldest line first', () => {
    const log = joined(
      logFrame('stdout', 'up\n'),
      logFrame('stderr', 'Error: out of fuel\n    at engine.js:7\n'),
      logFrame('stdout', 'going down\n'),
    );
    expect(read(log)).to.deep.equal(['up', 'Error: out of fuel', '    at engine.js:7', 'going down']);
  });

  it('keeps a line of one stream whole although the other wrote in between', () => {
    const log = joined(
      logFrame('stdout', 'one '),
      logFrame('stderr', 'oops\n'),
      logFrame('stdout', 'line\n'),
    );
    expect(read(log)).to.deep.equal(['oops', 'one line']);
  });

  it('has the last words that no line feed follows', () => {
    expect(read(joined(logFrame('stdout', 'up\nlast w'), logFrame('stdout', 'ords')))).to.deep.equal([
      'up',
      'last words',
    ]);
  });

  it('is the last fifty lines, empty ones among them', () => {
    const told = read(logFrame('stdout', `${lines(60)}\n`));
    expect(told).to.have.length(LOG_TAIL.lines);
    expect(told?.slice(0, 1)).to.deep.equal(['line 11']);
    expect(told?.slice(-2)).to.deep.equal(['line 59', '']);
  });

  it('of a container with a terminal is read as it stands there, without its carriage returns', () => {
    const log = Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, 2]), Buffer.from('up\r\ndown\r\n')]);
    expect(read(log, { tty: true })).to.deep.equal(['\u0001\0\0\0\0\0\0\u0002up', 'down']);
    expect(read(log)).to.deep.equal(['up', 'down']);
  });

  it('that has no frames although it should have is read as it stands there', () => {
    for (const text of ['hi\n', 'engine up\nengine down\n', '\u0001\u0001\0\0 no frame\n']) {
      expect(read(Buffer.from(text))?.join('\n')).to.equal(text.trimEnd());
    }
    expect(read(joined(logFrame('stdout', 'a frame\n'), Buffer.from('and none\n')))).to.deep.equal([
      'a frame',
      'and none',
    ]);
  });

  it('says of a long line how much of it was cut, and holds no more of it', () => {
    const log = joined(
      ...Array.from({ length: 40 }, () => logFrame('stdout', 'x'.repeat(16_384))),
      logFrame('stdout', '\nshort\n'),
    );
    const cut = 40 * 16_384 - LOG_TAIL.lineBytes;
    expect(read(log)).to.deep.equal([`${'x'.repeat(LOG_TAIL.lineBytes)} [… ${cut} bytes cut]`, 'short']);
  });

  it('cuts a long line between characters', () => {
    const [line = ''] = read(logFrame('stdout', `${'€'.repeat(3_000)}\n`)) ?? [];
    expect(line).to.equal(`${'€'.repeat(Math.floor(LOG_TAIL.lineBytes / 3))} [… 808 bytes cut]`);
  });

  it('that is too long in all loses its oldest lines, and says how many', () => {
    const told =
      read(
        logFrame(
          'stdout',
          lines(30, (n) => String(n).padEnd(8_000, '.')),
        ),
      ) ?? [];
    expect(told[0]).to.equal('[… 22 older lines cut]');
    expect(told.slice(1).map((line) => Number.parseInt(line, 10))).to.deep.equal([
      22, 23, 24, 25, 26, 27, 28, 29,
    ]);
  });

  it('is null when Docker has nothing but trouble with it, and what could be read otherwise', () => {
    const trouble = logFrame('daemon', 'Error grabbing logs: invalid character\n');
    expect(read(trouble)).to.equal(null);
    expect(read(joined(logFrame('stdout', 'up\n'), trouble))).to.deep.equal(['up']);
    expect(read(Buffer.alloc(0))).to.deep.equal([]);
  });

  it('is text that PostgreSQL can hold, whatever the engine wrote', () => {
    const [line = ''] =
      read(logFrame('stdout', Buffer.from([0xff, 0x00, 0xed, 0xa0, 0x80, 0x41, 0x0a]))) ?? [];
    expect(line).to.equal('\ufffd\0\ufffd\ufffd\ufffdA');
    expect(storableText(line)).to.equal('\ufffd\\u0000\ufffd\ufffd\ufffdA');
  });

  it('does not depend on where the network cuts it', () => {
    const frame = fc.tuple(
      fc.constantFrom('stdin', 'stdout', 'stderr', 'daemon'),
      fc.oneof(fc.string(), fc.uint8Array({ maxLength: 40 })),
    );
    fc.assert(
      fc.property(fc.array(frame), fc.array(fc.nat(400)), (frames, cuts) => {
        const log = joined(
          ...frames.map(([source, content]) => logFrame(source as 'stdout', Buffer.from(content))),
        );
        const cutAt = cuts.filter((at) => at <= log.length).toSorted((left, right) => left - right);
        expect(read(log, { cutAt })).to.deep.equal(read(log));
      }),
    );
  });

  it('is bounded, and never fails, whatever bytes come', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000, size: 'max' }), fc.boolean(), (bytes, tty) => {
        const told = read(Buffer.from(bytes), { tty }) ?? [];
        expect(told.length).to.be.at.most(LOG_TAIL.lines);
        for (const line of told) expect(line.isWellFormed()).to.equal(true);
      }),
    );
  });
});
