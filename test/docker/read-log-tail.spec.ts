import { expect } from 'chai';
import { makeDockerConnection } from '../../lib/docker/connection.ts';
import { readLogTail } from '../../lib/docker/read-log-tail.ts';
import { eventually } from '../helpers/eventually.ts';
import { failureOf, rejectionOf } from '../helpers/failure-of.ts';
import { type FakeDockerApi, makeFakeDockerApi } from '../helpers/fake-docker-api.ts';
import { cutOff, drop, hang, refuse, type Script } from '../helpers/fake-docker-scripts.ts';
import { type FakeDockerWorld, makeFakeDockerWorld } from '../helpers/fake-docker-world.ts';
import { hasten } from '../helpers/hasten.ts';
import { logFrame } from '../helpers/log-frame.ts';

const ROUTE = 'GET /containers/:id/logs';

describe('readLogTail', () => {
  let api: FakeDockerApi;
  let world: FakeDockerWorld;
  beforeEach(async () => {
    api = await makeFakeDockerApi();
    world = makeFakeDockerWorld(api, 'galaxy');
  });
  afterEach(() => api.close());

  const read = (id: string, { tty = false, signal = new AbortController().signal, hastened = 1 } = {}) =>
    readLogTail(hasten(makeDockerConnection({ host: api.host }), hastened), { id, tty }, signal);
  /** Sends it in two pieces that Docker's framing knows nothing of. */
  const inPieces =
    (log: Buffer, at: number): Script =>
    ({ response }) => {
      response.writeHead(200, { 'content-type': 'application/vnd.docker.multiplexed-stream' });
      response.write(log.subarray(0, at), () => response.end(log.subarray(at)));
    };

  it('asks for the last fifty lines of both streams', async () => {
    const log = Buffer.concat([logFrame('stdout', 'up\n'), logFrame('stderr', 'oops\n')]);
    const { id } = world.put({ name: 'one', log });
    expect(await read(id)).to.deep.equal(['up', 'oops']);
    expect(api.sent(ROUTE)[0]?.query).to.deep.equal({ stdout: 'true', stderr: 'true', tail: '50' });
    api.always(ROUTE, inPieces(log, 5));
    expect(await read(id)).to.deep.equal(['up', 'oops']);
  });

  it('takes JSON for what it is: a line of the engine', async () => {
    const { id } = world.put({ name: 'one', log: Buffer.from('{"level":"info"}\r\n') });
    expect(await read(id, { tty: true })).to.deep.equal(['{"level":"info"}']);
  });

  for (const [status, what] of [
    [404, 'no such container'],
    [409, 'can not get logs from container which is dead or marked for removal'],
    [500, 'configured logging driver does not support reading'],
    [501, 'configured logging driver does not support reading'],
  ] as const) {
    it(`finds nothing to be read where Docker answers ${status}: ${what}`, async () => {
      api.always(ROUTE, refuse(status, what));
      expect(await read('c1')).to.equal(null);
    });
  }

  it('is docker_unavailable where the answer breaks off, or never comes (failure mode 6)', async () => {
    for (const script of [drop(), cutOff(200, 'half a'), cutOff(500, '{"mess')]) {
      api.script(ROUTE, script);
      expect((await failureOf(read('c1'))).code).to.equal('docker_unavailable');
    }
    api.script(ROUTE, hang());
    expect((await failureOf(read('c1', { hastened: 200 }))).code).to.equal('docker_unavailable');
  });

  it('ends with the signal of its caller, in the middle of an answer too, and lets go of the connection', async () => {
    for (const begin of [false, true]) {
      api.script(ROUTE, ({ response }) => {
        if (begin) response.writeHead(200).write(logFrame('stdout', 'up\n'));
      });
      const caller = new AbortController();
      const reading = rejectionOf(read('c1', { signal: caller.signal }));
      const asked = api.sent(ROUTE).length + 1;
      await eventually(() => api.sent(ROUTE).length === asked, { what: 'the request' });
      caller.abort(new Error('enough'));
      expect((await reading).message).to.equal('enough');
      await eventually(() => api.connections === 0, { what: 'the connection to be closed' });
    }
  });
});
