import { hostname } from 'node:os';
import { expect } from 'chai';
import { isDeadSession, SESSION } from '../../../dev/session.ts';

describe('dev/session.ts', () => {
  const [, boot, pid] = SESSION.split('|');

  it('takes this run for alive', () => {
    expect(isDeadSession(SESSION)).to.equal(false);
  });

  it('takes a process id that was given away again for dead', () => {
    expect(isDeadSession(`${hostname()}|${boot}|${pid}|1`)).to.equal(true);
  });

  it('takes every run before the last boot for dead', () => {
    expect(isDeadSession(`${hostname()}|earlier|${pid}|1`)).to.equal(true);
  });

  it('never judges a run on another host, nor what carries no session', () => {
    expect(isDeadSession(`elsewhere|${boot}|${pid}|1`)).to.equal(false);
    expect(isDeadSession('')).to.equal(false);
  });
});
