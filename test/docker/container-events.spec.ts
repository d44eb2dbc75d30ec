import { expect } from 'chai';
import { makeDockerConnection } from '../../lib/docker/connection.ts';
import { type ContainerEvent, openContainerEvents, UNREADABLE } from '../../lib/docker/container-events.ts';
import { failureOf } from '../helpers/failure-of.ts';
import { type FakeDockerApi, makeFakeDockerApi } from '../helpers/fake-docker-api.ts';
import { cutOff, drop, hang, makeProgress, refuse, stream } from '../helpers/fake-docker-scripts.ts';
import { useFakeTimers } from '../helpers/fake-timers.ts';
import { hasten } from '../helpers/hasten.ts';
import { toldEvent } from '../helpers/told-event.ts';

const ROUTE = 'GET /events';

type Told = ContainerEvent | typeof UNREADABLE;

async function collect(events: AsyncIterable<Told>): Promise<Told[]> {
  const all: Told[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe('the events of containers', () => {
  let api: FakeDockerApi;
  const ending = new AbortController();
  beforeEach(async () => {
    api = await makeFakeDockerApi();
  });
  afterEach(() => api.close());

  const open = (sinceNanos = 0n, signal = ending.signal) =>
    openContainerEvents(hasten(makeDockerConnection({ host: api.host })), sinceNanos, signal);
  async function heard(...lines: readonly string[]): Promise<Told[]> {
    api.script(ROUTE, stream(...lines));
    return collect(await open());
  }

  it('are asked for by type, owner and action, from a moment that keeps all its digits (failure mode 2)', async () => {
    api.script(ROUTE, stream());
    await open(1_767_225_600_000_000_042n);
    const [request] = api.sent(ROUTE);
    expect(request?.query.since).to.equal('1767225600.000000042');
    expect(JSON.parse(request?.query.filters ?? '')).to.deep.equal({
      type: ['container'],
      label: ['com.galaxy.owner=rtmanager'],
      event: ['die', 'destroy', 'oom'],
    });
  });

  it('tell what happened to which container of which game, and when, to the nanosecond (failure mode 2)', async () => {
    const atNanos = 9_007_199_254_740_993_001n;
    expect(await heard(toldEvent({ action: 'die', id: 'c1', gameId: 'g-1', atNanos }))).to.deep.equal([
      { action: 'die', containerId: 'c1', gameId: 'g-1', exitCode: 137, atNanos },
    ]);
  });

  it('come one by one, however the answer is cut into pieces', async () => {
    const told = makeProgress();
    api.script(ROUTE, told.script);
    const events = (await open())[Symbol.asyncIterator]();
    const line = toldEvent({ action: 'oom', id: 'c1' });
    await told.write(line.slice(0, 40));
    await told.write(line.slice(40) + toldEvent({ action: 'destroy', id: 'c2' }).slice(0, 9));
    expect((await events.next()).value).to.include({ action: 'oom', containerId: 'c1' });
    await told.write(toldEvent({ action: 'destroy', id: 'c2' }).slice(9));
    expect((await events.next()).value).to.include({ action: 'destroy', containerId: 'c2' });
    told.end();
    expect((await events.next()).done).to.equal(true);
  });

  it('are ours or left out, whatever the filter of the daemon let through', async () => {
    const others = [
      toldEvent({ action: 'die', id: 'foreign', labels: { 'com.galaxy.owner': 'somebody' } }),
      toldEvent({ action: 'die', id: 'unlabelled', labels: {} }),
      toldEvent({ action: 'start', id: 'c1' }),
      '\n',
    ];
    const events = await heard(...others, toldEvent({ action: 'die', id: 'c1' }));
    expect(events).to.have.length(1);
    expect(events[0]).to.include({ containerId: 'c1' });
  });

  it('of a container without a game are told, for whoever knows better', async () => {
    const [event] = await heard(
      toldEvent({ action: 'die', id: 'c1', labels: { 'com.galaxy.owner': 'rtmanager' } }),
    );
    expect(event).to.include({ containerId: 'c1', gameId: '' });
  });

  for (const [what, line] of Object.entries({
    'is no JSON': 'not json\n',
    'is no event': '{"Type":"container"}\n',
    'has no time': toldEvent({ action: 'die', id: 'c1' }).replace(/"timeNano":\d+/, '"timeNano":"soon"'),
  })) {
    it(`say that a line ${what}, and go on behind it`, async () => {
      const [first, second, ...more] = await heard(line, toldEvent({ action: 'die', id: 'c1' }));
      expect(first).to.equal(UNREADABLE);
      expect(second).to.include({ containerId: 'c1' });
      expect(more).to.deep.equal([]);
    });
  }

  it('skip a line that is too long, and go on behind it', async () => {
    const long = `${'x'.repeat(1_200_000)}\n`;
    const [first, second, ...more] = await heard(long, toldEvent({ action: 'die', id: 'c1' }));
    expect(first).to.equal(UNREADABLE);
    expect(second).to.include({ containerId: 'c1' });
    expect(more).to.deep.equal([]);
  });

  it('end with docker_unavailable when the connection breaks in the middle', async () => {
    api.script(ROUTE, cutOff(200, toldEvent({ action: 'die', id: 'c1' })));
    const error = await failureOf(open().then(collect));
    expect(error.code).to.equal('docker_unavailable');
  });

  it('are docker_unavailable when Docker does not begin to answer in time (failure mode 6)', async () => {
    for (const script of [hang(), drop()]) {
      api.script(ROUTE, script);
      expect((await failureOf(open())).code).to.equal('docker_unavailable');
    }
  });

  it('are not cut off by the deadline of their beginning (failure mode 6)', async () => {
    const told = makeProgress();
    api.script(ROUTE, told.script);
    const timers = useFakeTimers();
    try {
      const events = (await open())[Symbol.asyncIterator]();
      timers.tick(3_600_000);
      await told.write(toldEvent({ action: 'die', id: 'late' }));
      expect((await events.next()).value).to.include({ containerId: 'late' });
    } finally {
      timers.restore();
    }
    told.end();
  });

  it('are a failure that says so when Docker refuses them', async () => {
    api.script(ROUTE, refuse(500, 'no events today'));
    const error = await failureOf(open());
    expect(error.code).to.equal('docker_unavailable');
    expect(error.message).to.include('no events today');
  });

  it('end with the reason of whoever ends them', async () => {
    const told = makeProgress();
    api.script(ROUTE, told.script);
    const over = new AbortController();
    const events = (await open(0n, over.signal))[Symbol.asyncIterator]();
    const next = events.next().then(
      () => undefined,
      (error: unknown) => error,
    );
    const reason = new Error('enough');
    over.abort(reason);
    expect(await next).to.equal(reason);
  });
});
