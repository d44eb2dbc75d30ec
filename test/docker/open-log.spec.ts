import { expect } from 'chai';
import { makeDockerConnection } from '../../lib/docker/connection.ts';
import { LINE_BYTES } from '../../lib/docker/log-lines.ts';
import { type LogRequest, openLog } from '../../lib/docker/open-log.ts';
import { eventually } from '../helpers/eventually.ts';
import { failureOf, rejectionOf } from '../helpers/failure-of.ts';
import { type Exchange, type FakeDockerApi, makeFakeDockerApi } from '../helpers/fake-docker-api.ts';
import { answer, drop, makeProgress, refuse, type Script } from '../helpers/fake-docker-scripts.ts';
import {
  type FakeContainer,
  type FakeDockerWorld,
  makeFakeDockerWorld,
} from '../helpers/fake-docker-world.ts';
import { logFrame } from '../helpers/log-frame.ts';

const ROUTE = 'GET /containers/:id/logs';
const LOSS = '[… lines are missing here: they were rotated away before they were read]';

/** The time of an entry, and how Docker takes it as `since`. */
const stamp = (n: number): string => `2026-01-01T00:00:${String(n).padStart(2, '0')}.000000001Z`;
const moment = (n: number): string => `${1_767_225_600 + n}.000000001`;
const entry = (n: number, text = `line ${n}\n`, source: 'stdout' | 'stderr' = 'stdout'): Buffer =>
  logFrame(source, `${stamp(n)} ${text}`);

describe('a container log that is opened', () => {
  let api: FakeDockerApi;
  let world: FakeDockerWorld;
  let one: FakeContainer;
  let reader: AbortController;
  beforeEach(async () => {
    api = await makeFakeDockerApi();
    world = makeFakeDockerWorld(api, 'galaxy');
    one = world.put({ name: 'one' });
    reader = new AbortController();
  });
  afterEach(async () => {
    reader.abort(new Error('over'));
    await api.close();
  });

  const open = (request: Partial<LogRequest> = {}, tty = false) =>
    openLog(
      makeDockerConnection({ host: api.host }),
      { id: one.id, tty },
      { tail: 10, follow: false, ...request },
      reader.signal,
      { silenceMs: 50, reopenMs: 50 },
    );
  const readAll = async (log: AsyncIterable<string>): Promise<string[]> => {
    let text = '';
    for await (const piece of log) text += piece;
    expect(text === '' || text.endsWith('\n')).to.equal(true);
    return text.split('\n').slice(0, -1);
  };
  const inPieces =
    (...pieces: readonly Buffer[]): Script =>
    async ({ response }) => {
      response.writeHead(200);
      for (const piece of pieces)
        await new Promise<void>((resolve) => response.write(piece, () => resolve()));
      response.end();
    };
  /** Tells when the connection of an answer is closed. */
  const watched = (script: Script) => {
    const closed = Promise.withResolvers<void>();
    const noting: Script = (exchange) => {
      exchange.response.once('close', closed.resolve);
      return script(exchange);
    };
    return { script: noting, closed: closed.promise };
  };
  /** Answers by what is asked for: the last entry alone, or one of these in their turn. */
  const playLog = (last: () => Buffer, ...readings: readonly Script[]): void => {
    const scripts = [...readings];
    api.always(ROUTE, (exchange) => {
      if (exchange.request.query.tail === '1') return exchange.send({ status: 200, body: last() });
      const script = scripts.shift();
      if (!script) throw new Error('the log is opened more often than was played');
      return script(exchange);
    });
  };
  const readings = () => api.sent(ROUTE).filter(({ query }) => query.tail !== '1');

  it('is asked for with its times, and read without them: both streams, as many lines as were wanted', async () => {
    api.always(ROUTE, inPieces(entry(1), entry(2, 'oops\n', 'stderr'), entry(3, 'no end')));
    expect(await readAll(await open({ tail: 3 }))).to.deep.equal(['line 1', 'oops', 'no end']);
    expect(api.sent(ROUTE)[0]?.query).to.deep.equal({
      stdout: 'true',
      stderr: 'true',
      tail: '3',
      timestamps: 'true',
    });
  });

  it('is text whatever was written and wherever the network cuts it', async () => {
    const log = Buffer.concat([
      entry(1, 'é€😀\n'),
      logFrame('stdout', Buffer.concat([Buffer.from(`${stamp(2)} `), Buffer.from([0xff, 0xc3, 0x0a])])),
      entry(3, `${'x'.repeat(LINE_BYTES)}€\n`),
      entry(4, 'a long '),
      entry(5, 'one\r\n'),
      entry(6, '2026 is no time\n'),
    ]);
    const expected = [
      'é€😀',
      '\ufffd\ufffd',
      `${'x'.repeat(LINE_BYTES)} [… 3 bytes cut]`,
      'a long one',
      '2026 is no time',
    ];
    for (const size of [1, 7, 4_096]) {
      const pieces = Array.from({ length: Math.ceil(log.length / size) }, (_, n) =>
        log.subarray(n * size, (n + 1) * size),
      );
      api.always(
        ROUTE,
        inPieces(...(size === 1 ? [log.subarray(0, 5), ...pieces.slice(5, 80), log.subarray(80)] : pieces)),
      );
      expect(await readAll(await open()), `in pieces of ${size}`).to.deep.equal(expected);
    }
  });

  it('of a container with a terminal has a time in front of each line', async () => {
    const text = `${stamp(1)} up\r\n${stamp(2)} and running\r\n`;
    api.always(ROUTE, inPieces(Buffer.from(text.slice(0, 40)), Buffer.from(text.slice(40))));
    expect(await readAll(await open({}, true))).to.deep.equal(['up', 'and running']);
  });

  for (const [status, code] of [
    [404, 'not_found'],
    [409, 'not_found'],
    [501, 'not_found'],
    [500, 'docker_unavailable'],
    [400, 'internal_error'],
  ] as const) {
    it(`is ${code} where Docker answers ${status}`, async () => {
      api.always(ROUTE, refuse(status, 'no log for you'));
      const failure = await failureOf(open());
      expect([failure.code, failure.message.includes('no log for you')]).to.deep.equal([code, true]);
    });
  }

  it('is docker_unavailable where it breaks off, at once or in the middle', async () => {
    api.script(ROUTE, drop());
    expect((await failureOf(open())).code).to.equal('docker_unavailable');
    api.script(ROUTE, ({ response }) => {
      response.writeHead(200);
      response.write(entry(1), () => response.socket?.destroy());
    });
    expect((await failureOf(open().then(readAll))).code).to.equal('docker_unavailable');
  });

  it('says what Docker has to say of it, where Docker says it', async () => {
    api.always(ROUTE, inPieces(entry(1), logFrame('daemon', 'Error grabbing logs: unexpected EOF')));
    expect(await readAll(await open())).to.deep.equal([
      'line 1',
      '[… Docker could not read on: Error grabbing logs: unexpected EOF]',
    ]);
  });

  it('holds Docker up while nobody reads, and lets go of it with its reader', async () => {
    let sent = 0;
    let isOver = false;
    api.always(ROUTE, async ({ response }: Exchange) => {
      response.writeHead(200);
      response.once('close', () => {
        isOver = true;
      });
      for (let n = 0; n < 2_000 && !isOver; n += 1) {
        const frame = entry(1, `${'x'.repeat(16_000)}\n`);
        sent += frame.length;
        if (!response.write(frame)) {
          const { promise, resolve } = Promise.withResolvers<void>();
          response.once('drain', resolve);
          response.once('close', resolve);
          await promise;
        }
      }
    });
    const log = await open();
    await log.next();
    let before = -1;
    await eventually(
      () => {
        const isHeld = before === sent;
        before = sent;
        return isHeld;
      },
      { what: 'Docker to be held up', intervalMs: 100 },
    );
    // 32 MB were to come; what lies in the buffers of both ends is all that did.
    expect(sent).to.be.below(4_000_000);
    const [next] = [rejectionOf(readAll(log)), reader.abort(new Error('left'))];
    expect((await next).message).to.equal('left');
    await eventually(() => isOver && api.connections === 0, { what: 'the connection to be closed' });
  });

  describe('and followed', () => {
    it('grows with the log, and ends with the container', async () => {
      const progress = makeProgress();
      playLog(() => entry(2), progress.script);
      const log = await open({ follow: true });
      await progress.begun;
      await progress.write(entry(1));
      expect((await log.next()).value).to.equal('line 1\n');
      await progress.write(entry(2, 'half a '));
      await progress.write(entry(2, 'line\n'));
      expect((await log.next()).value).to.equal('half a line\n');
      one.state = 'exited';
      progress.end();
      expect((await log.next()).done).to.equal(true);
      expect(readings().map(({ query }) => query.follow)).to.deep.equal(['true']);
    });

    it('from now on begins behind the last line, which it knows the time of', async () => {
      one.state = 'exited';
      playLog(() => entry(4), inPieces(entry(4), entry(5)), inPieces());
      expect(await readAll(await open({ follow: true, tail: 0 }))).to.deep.equal(['line 5']);
      expect(readings()[0]?.query).to.include({ since: moment(4), tail: 'all', follow: 'true' });
    });

    it('is opened again where Docker ends it while the container runs: no line is lost, none comes twice', async () => {
      const cut: Script = ({ response }) => {
        response.writeHead(200);
        // In the middle of a long line, and the second of two entries of one time.
        response.write(Buffer.concat([entry(1), entry(2), entry(2, 'again\n'), entry(3, 'a long ')]), () =>
          response.socket?.destroy(),
        );
      };
      const rest: Script = (exchange) => {
        one.state = 'exited';
        return inPieces(entry(2, 'overtaken\n'), entry(3, 'a long '), entry(4, 'line\n'), entry(5))(exchange);
      };
      playLog(() => entry(5), cut, rest);
      expect(await readAll(await open({ follow: true }))).to.deep.equal([
        'line 1',
        'line 2',
        'again',
        'a long line',
        'line 5',
      ]);
      expect(readings()[1]?.query).to.include({ since: moment(3), tail: 'all' });
    });

    it('says where lines are missing, because their files were rotated away', async () => {
      one.state = 'exited';
      playLog(() => entry(9), inPieces(entry(1), entry(2, 'half ')), inPieces(entry(8), entry(9)));
      expect(await readAll(await open({ follow: true }))).to.deep.equal([
        'line 1',
        'half ',
        LOSS,
        'line 8',
        'line 9',
      ]);
    });

    it('is not believed when it is silent: it is opened again once there is a newer line', async () => {
      const [silent, next] = [makeProgress(), makeProgress()];
      let last = 1;
      const given = watched(silent.script);
      playLog(() => entry(last), given.script, next.script);
      const log = await open({ follow: true });
      await silent.write(entry(1));
      expect((await log.next()).value).to.equal('line 1\n');
      const looks = () => api.sent('GET /containers/:id/json').length;
      const more = log.next();
      await eventually(() => looks() >= 2, { what: 'the silence to be looked into' });
      expect(readings()).to.have.length(1);
      last = 3;
      await next.begun;
      await next.write(Buffer.concat([entry(1), entry(2)]));
      expect((await more).value).to.equal('line 2\n');
      expect(readings()[1]?.query).to.include({ since: moment(1), follow: 'true' });
      await given.closed;
    });

    it('ends where silence hides that the container has ended', async () => {
      const silent = makeProgress();
      const given = watched(silent.script);
      playLog(() => entry(1), given.script);
      const log = await open({ follow: true });
      await silent.write(entry(1));
      await log.next();
      one.state = 'exited';
      expect((await log.next()).done).to.equal(true);
      await given.closed;
    });

    it('is docker_unavailable where Docker is gone, and ends where the container is', async () => {
      playLog(() => entry(1), inPieces(entry(1)));
      api.always('GET /containers/:id/json', drop());
      expect((await failureOf(open({ follow: true }).then(readAll))).code).to.equal('docker_unavailable');
      api.always(ROUTE, inPieces(entry(1)));
      api.always('GET /containers/:id/json', answer(404, { message: 'No such container' }));
      expect(await readAll(await open({ follow: true }))).to.deep.equal(['line 1']);
    });
  });
});
