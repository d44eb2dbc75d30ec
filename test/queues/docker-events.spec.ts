import { expect } from 'chai';
import { daemonTimeNanos } from '../../lib/daemon-time.ts';
import type { ContainerEvent } from '../../lib/docker/container-events.ts';
import { type DockerEvents, startDockerEvents } from '../../queues/docker-events.ts';
import { getKnownDaemon, noteDaemon } from '../../sql/docker-daemon.ts';
import { eventually } from '../helpers/eventually.ts';
import { type FakeDocker, makeFakeDocker } from '../helpers/fake-docker.ts';
import { makeProgress, type Progress, refuse } from '../helpers/fake-docker-scripts.ts';
import { type MemoryLogger, makeMemoryLogger } from '../helpers/memory-logger.ts';
import { makeStore, type Store } from '../helpers/store.ts';
import { makeTestConfig } from '../helpers/test-config.ts';
import { toldEvent } from '../helpers/told-event.ts';

const ROUTE = 'GET /events';
const FOR_EVER_MS = 3_600_000;
const OVERLAP_NANOS = 2_000_000_000n;

describe('listening to Docker', () => {
  let store: Store;
  let fake: FakeDocker;
  let log: MemoryLogger;
  let heard: ContainerEvent[];
  let passes: number;
  let redisIsAway: boolean;
  let events: DockerEvents | undefined;

  before(async () => {
    store = await makeStore();
  });
  after(() => store.destroy());
  beforeEach(async () => {
    await store.rows('delete from rtmanager.docker_daemon');
    fake = await makeFakeDocker(makeTestConfig());
    log = makeMemoryLogger();
    heard = [];
    passes = 0;
    redisIsAway = false;
  });
  afterEach(async () => {
    await events?.close();
    await fake.close();
  });

  /** Each subscription in turn goes by one of these. */
  function stream(): Progress {
    const told = makeProgress();
    fake.api.script(ROUTE, told.script);
    return told;
  }
  const unlessAway = async (work: () => void) => {
    if (redisIsAway) throw new Error('Redis is away');
    work();
  };
  function listen(subscriptionMs = FOR_EVER_MS): DockerEvents {
    events = startDockerEvents({
      docker: fake.docker,
      db: store.db,
      jobs: { add: (event) => unlessAway(() => heard.push(event)) },
      requestPass: () => unlessAway(() => (passes += 1)),
      log,
      subscriptionMs,
    });
    return events;
  }
  const heardOf = (id: string) =>
    eventually(() => heard.some(({ containerId }) => containerId === id), { what: `the event of ${id}` });
  const sinceOf = (index: number): bigint => {
    const [seconds = '', nanos = ''] = String(fake.api.sent(ROUTE)[index]?.query.since).split('.');
    return BigInt(seconds + nanos);
  };
  const warnings = () => log.lines.filter(({ level }) => level === 'warn');

  it('hands on what is told, and has all games compared once it listens (failure mode 2)', async () => {
    const first = stream();
    listen();
    await first.begun;
    await eventually(() => passes === 1, { what: 'the pass to be asked for' });
    await first.write(toldEvent({ action: 'die', id: 'c1' }));
    await heardOf('c1');
    expect(heard).to.have.length(1);
    expect(passes).to.equal(1);
    expect(warnings()).to.deep.equal([]);
  });

  it('begins where any replica had come to, by the clock of this very daemon (failure mode 2)', async () => {
    const eventCursor = 1_767_225_600_123_456_789n;
    await noteDaemon(store.db, { daemonId: fake.world.daemonId, eventCursor });
    const first = stream();
    listen();
    await first.begun;
    expect(sinceOf(0)).to.equal(eventCursor - OVERLAP_NANOS);
  });

  it('does not take the cursor of another daemon', async () => {
    await noteDaemon(store.db, { daemonId: 'ANOTHER', eventCursor: 1n });
    const before = daemonTimeNanos(new Date().toISOString());
    const first = stream();
    listen();
    await first.begun;
    expect(sinceOf(0) >= before - OVERLAP_NANOS).to.equal(true);
  });

  it('subscribes anew, and hears what a silent stream has swallowed (failure mode 1)', async () => {
    const [silent, next] = [stream(), stream()];
    const before = daemonTimeNanos(new Date().toISOString());
    listen(100);
    await silent.begun;
    await next.begun;
    // From the moment on at which the silent one began, and a little before.
    const since = sinceOf(1);
    expect(since >= before - OVERLAP_NANOS - 1_000_000n).to.equal(true);
    expect(since <= daemonTimeNanos(new Date().toISOString()) - OVERLAP_NANOS).to.equal(true);
    await next.write(toldEvent({ action: 'destroy', id: 'swallowed' }));
    await heardOf('swallowed');
    expect(passes, 'no break, no pass').to.equal(1);
    expect(warnings()).to.deep.equal([]);
  });

  it('begins the next subscription before it gives up the last', async () => {
    const [first, second] = [stream(), stream()];
    const listening = listen();
    await first.begun;
    await eventually(() => passes === 1, { what: 'the pass' });
    listening.listenAnew();
    await second.begun;
    await second.write(toldEvent({ action: 'die', id: 'c2' }));
    await heardOf('c2');
    expect(fake.api.sent(ROUTE)).to.have.length(2);
  });

  it('notes for other replicas, and the next start, how far it has come', async () => {
    await noteDaemon(store.db, { daemonId: fake.world.daemonId, eventCursor: 1n });
    const [first, second] = [stream(), stream()];
    const before = daemonTimeNanos(new Date().toISOString());
    listen(50);
    await first.begun;
    await second.begun;
    const known = await eventually(
      async () => {
        const row = await getKnownDaemon(store.db);
        return row && row.eventCursor > 1n ? row : undefined;
      },
      { what: 'the cursor to move' },
    );
    expect(known.eventCursor >= before - 1_000_000n).to.equal(true);
  });

  it('after a break asks from the same moment, has all games compared again, and tells it once', async () => {
    const first = stream();
    fake.api.script(ROUTE, refuse(500, 'starting'), refuse(500, 'starting'));
    const later = stream();
    listen();
    await first.begun;
    await eventually(() => passes === 1, { what: 'the first pass' });
    first.cut();
    await later.begun;
    await eventually(() => passes === 2, { what: 'the pass after the break' });
    expect(sinceOf(3)).to.equal(sinceOf(0));
    await eventually(() => log.lines.some(({ message }) => message === 'events of Docker are heard again'), {
      what: 'the end of the outage to be told',
    });
    expect(warnings()).to.have.length(1);
  });

  it('takes the end of a daemon that stops for a break', async () => {
    const [first, later] = [stream(), stream()];
    listen();
    await first.begun;
    await eventually(() => passes === 1, { what: 'the first pass' });
    first.end();
    await later.begun;
    await eventually(() => passes === 2, { what: 'the pass after the break' });
  });

  it('loses no event that Redis did not take', async () => {
    const [first, again] = [stream(), stream()];
    listen();
    await first.begun;
    await eventually(() => passes === 1, { what: 'the first pass' });
    redisIsAway = true;
    const line = toldEvent({ action: 'die', id: 'c1' });
    await first.write(line);
    await again.begun;
    expect(heard).to.deep.equal([]);
    expect(sinceOf(1)).to.equal(sinceOf(0));
    const third = stream();
    again.cut();
    redisIsAway = false;
    await third.begun;
    await third.write(line);
    await heardOf('c1');
  });

  it('has all games compared for a line that it can not read, and hears those behind it', async () => {
    const first = stream();
    listen();
    await first.begun;
    await eventually(() => passes === 1, { what: 'the first pass' });
    await first.write('{"half":\n');
    await first.write(toldEvent({ action: 'die', id: 'c1' }));
    await heardOf('c1');
    expect(passes).to.equal(2);
    expect(fake.api.sent(ROUTE)).to.have.length(1);
  });

  it('asked for anew twice at once, asks from the same moment: nothing that was not read yet is passed over', async () => {
    const [first, second, third] = [stream(), stream(), stream()];
    const listening = listen();
    await first.begun;
    await eventually(() => passes === 1, { what: 'the pass' });
    listening.listenAnew();
    await second.begun;
    listening.listenAnew();
    await third.begun;
    expect([sinceOf(1), sinceOf(2)]).to.deep.equal([sinceOf(0), sinceOf(0)]);
  });

  it('goes on without Docker and without PostgreSQL until they are back', async () => {
    fake.api.script('GET /info', refuse(500, 'starting'), refuse(500, 'starting'));
    await store.rows('alter table rtmanager.docker_daemon rename to away');
    const first = stream();
    listen();
    await eventually(() => warnings().length === 1, { what: 'the outage to be told' });
    await store.rows('alter table rtmanager.away rename to docker_daemon');
    await first.begun;
    await first.write(toldEvent({ action: 'die', id: 'c1' }));
    await heardOf('c1');
    expect(warnings()).to.have.length(1);
  });

  it('hangs up when it is closed', async () => {
    const first = stream();
    const listening = listen();
    await first.begun;
    await listening.close();
    await eventually(() => fake.api.connections === 0, { what: 'the connection to be closed' });
  });
});
