import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { type Approach, makeStartGate, roomFor } from '../../queues/start-gate.ts';
import { type FakeTimers, useFakeTimers } from '../helpers/fake-timers.ts';

describe('the gate before the claim of a start', () => {
  let timers: FakeTimers;
  let entered: Approach[];
  let stopping: AbortController;

  beforeEach(() => {
    timers = useFakeTimers();
    entered = [];
    stopping = new AbortController();
  });
  afterEach(() => timers.restore());

  /** Lets so many come to a gate. */
  async function come(count: number, room = 1): Promise<void> {
    const gate = makeStartGate({ room });
    for (let one = 0; one < count; one += 1) {
      const approach = gate.approach();
      void approach.enter(stopping.signal).then(() => entered.push(approach));
    }
    await setImmediate();
  }
  const pass = async (ms: number): Promise<void> => {
    timers.tick(ms);
    await setImmediate();
  };

  it('has room for half as many more starts as may be at Docker', () => {
    expect([1, 2, 4, 5, 64].map(roomFor)).to.deep.equal([2, 3, 6, 8, 96]);
  });

  it('lets no more through than it has room for', async () => {
    await come(10, 3);
    expect(entered).to.have.length(3);
  });

  it('lets the next one in when one has left, once for each', async () => {
    await come(4);
    entered[0]?.leave();
    entered[0]?.leave();
    await setImmediate();
    expect(entered).to.have.length(2);
  });

  it('does not let one that is held up on its way hold up the next', async () => {
    await come(3);
    entered[0]?.setOff();
    await pass(499);
    expect(entered).to.have.length(1);
    await pass(1);
    expect(entered).to.have.length(2);
    entered[0]?.leave();
    await setImmediate();
    expect(entered, 'its room was given away already').to.have.length(2);
  });

  it('lets nobody in for one that waits for a slot, or for Docker, however long', async () => {
    await come(2);
    await pass(3_600_000);
    expect(entered).to.have.length(1);
    entered[0]?.setOff();
    entered[0]?.arrived();
    await pass(3_600_000);
    expect(entered).to.have.length(1);
    entered[0]?.leave();
    await setImmediate();
    expect(entered).to.have.length(2);
  });

  it('takes one in again that has left, behind those that wait', async () => {
    await come(2);
    const [first] = entered;
    first?.leave();
    void first?.enter(stopping.signal).then(() => entered.push(first));
    await setImmediate();
    expect(entered).to.have.length(2);
    entered[1]?.leave();
    await setImmediate();
    expect(entered).to.have.length(3);
  });

  it('lets all through that wait when the replica stops', async () => {
    await come(3);
    stopping.abort();
    await setImmediate();
    expect(entered).to.have.length(3);
  });
});
