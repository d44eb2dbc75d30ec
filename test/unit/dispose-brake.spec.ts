import { expect } from 'chai';
import { applyBrake } from '../../lib/dispose-brake.ts';
import type { DriftStep, RecordedGame } from '../../lib/reconcile-plan.ts';
import type { RuntimeStatus } from '../../lib/runtime-record.ts';

const games = (count: number, status: RuntimeStatus): RecordedGame[] =>
  Array.from({ length: count }, (_, index) => ({
    gameId: `${status}-${index}`,
    status,
    currentContainerId: 'c',
  }));
const steps = (count: number, action: DriftStep['action']): DriftStep[] =>
  Array.from({ length: count }, (_, index) => ({
    gameId: `g${index}`,
    containerId: 'c',
    recordStatus: 'running',
    containerState: 'gone',
    action,
    reason: '',
  }));
const brake = (dispose: number, running: number, maxShare = 0.5) =>
  applyBrake(steps(dispose, 'dispose'), games(running, 'running'), maxShare);

describe('the dispose brake (failure mode 11)', () => {
  it('is off for ten games, were they all there are', () => {
    expect(brake(10, 10)).to.deep.equal({ on: false, wouldDispose: 10, running: 10, maxShare: 0.5 });
  });

  it('is on for eleven, were they all there are', () => {
    expect(brake(11, 11)).to.deep.equal({ on: true, wouldDispose: 11, running: 11, maxShare: 0.5 });
  });

  it('is off at exactly the share, and on for one more', () => {
    expect(brake(50, 100).on).to.equal(false);
    expect(brake(51, 100).on).to.equal(true);
    expect(brake(11, 22).on).to.equal(false);
    expect(brake(11, 21).on).to.equal(true);
  });

  it('goes by the configured share: with 1 it is off for all of them, with 0 on for eleven of any number', () => {
    expect(brake(1_000, 1_000, 1).on).to.equal(false);
    expect(brake(11, 100_000, 0).on).to.equal(true);
    expect(brake(10, 100_000, 0).on).to.equal(false);
  });

  it('measures by the running ones: stopped and removed games allow no more', () => {
    const records = [...games(20, 'running'), ...games(500, 'stopped'), ...games(500, 'removed')];
    expect(applyBrake(steps(11, 'dispose'), records, 0.5)).to.include({ on: true, running: 20 });
  });

  it('counts games to dispose and nothing else', () => {
    const all = [
      ...steps(10, 'dispose'),
      ...steps(50, 'mark_exited'),
      ...steps(50, 'adopt'),
      ...steps(50, 'remove_container'),
      ...steps(50, 'leave_alone'),
    ];
    expect(applyBrake(all, games(10, 'running'), 0.5)).to.include({ on: false, wouldDispose: 10 });
  });
});
