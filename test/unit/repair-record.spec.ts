import { expect } from 'chai';
import type { InspectedContainer } from '../../lib/docker/container.ts';
import { IMAGE_LABEL } from '../../lib/docker/labels.ts';
import { parseGameId } from '../../lib/game-id.ts';
import { type DriftedGame, repairRecord } from '../../lib/repair-record.ts';
import { makeRecord } from '../helpers/records.ts';
import { makeTestConfig } from '../helpers/test-config.ts';

const CONTAINER: InspectedContainer = {
  id: 'c1',
  name: 'galaxy-game-g',
  running: true,
  state: 'running',
  labels: { [IMAGE_LABEL]: 'galaxy/game:1.4.2' },
  networks: ['galaxy'],
  exitCode: 0,
  startedAt: '2026-01-01T00:00:00.5Z',
  endedBeforeAt: null,
  autoRemove: false,
  finishedAt: null,
  restartCount: 0,
  health: 'none',
  image: 'registry.example/galaxy/game:1.4.2',
  oomKilled: false,
  tty: false,
  imageId: 'sha256:1111',
};
const FINDING = { source: 'docker_event', nowMs: 1_767_300_000_000 } as const;

const repair = (action: Parameters<typeof repairRecord>[0], given: Partial<DriftedGame> = {}) =>
  repairRecord(
    action,
    { gameId: parseGameId('g'), record: null, container: CONTAINER, config: makeTestConfig(), ...given },
    FINDING,
  );

describe('bringing a record back in step', () => {
  it('an adopted container becomes a record of what it shows, and the game is well', () => {
    expect(repair('adopt')).to.deep.equal({
      record: {
        expected: null,
        next: {
          gameId: 'g',
          status: 'running',
          currentContainerId: 'c1',
          currentImageRef: 'galaxy/game:1.4.2',
          imageDigest: 'sha256:1111',
          engineEndpoint: 'http://galaxy-game-g:8080',
          statePath: '/srv/games/g',
          dockerNetwork: 'galaxy',
          createdAt: FINDING.nowMs,
          startedAt: Date.parse('2026-01-01T00:00:00.5Z'),
          stoppedAt: null,
          removedAt: null,
          lastOpAt: FINDING.nowMs,
        },
      },
      foundHealthy: { source: 'docker_event', containerId: 'c1', occurredAtMs: FINDING.nowMs },
    });
  });

  it('a container that runs again keeps the history of its record', () => {
    const record = makeRecord({ status: 'stopped', currentContainerId: 'c1', stoppedAt: 1_767_229_200_000 });
    expect(repair('adopt', { record }).record).to.deep.include({ expected: record });
    expect(repair('adopt', { record }).record?.next).to.include({
      status: 'running',
      createdAt: record.createdAt,
      stoppedAt: null,
    });
  });

  it('a container without an image label is recorded with the image that it was made of', () => {
    const { record } = repair('adopt', { container: { ...CONTAINER, labels: {} } });
    expect(record?.next.currentImageRef).to.equal('registry.example/galaxy/game:1.4.2');
  });

  it('a container that tells no time of its start was started when it was found', () => {
    const { record } = repair('adopt', { container: { ...CONTAINER, startedAt: null } });
    expect(record?.next.startedAt).to.equal(FINDING.nowMs);
  });

  it('an exit is told with its code, and as want of memory only where Docker says so (failure mode 4)', () => {
    const record = makeRecord({ currentContainerId: 'c1' });
    const exitedContainer = { ...CONTAINER, running: false, state: 'exited', exitCode: 137 };
    const killed = repair('mark_exited', { record, container: exitedContainer });
    expect(killed.record?.next).to.include({ status: 'stopped', currentContainerId: 'c1' });
    expect(killed.health?.map(({ type, details }) => ({ type, details }))).to.deep.equal([
      { type: 'container_exited', details: { exit_code: 137, oom: false } },
    ]);
    const oom = repair('mark_exited', { record, container: { ...exitedContainer, oomKilled: true } });
    expect(oom.health?.map(({ type, details }) => ({ type, details }))).to.deep.equal([
      { type: 'container_oom', details: { exit_code: 137 } },
      { type: 'container_exited', details: { exit_code: 137, oom: true } },
    ]);
  });

  it('a container that is gone is told with the id that it had', () => {
    const record = makeRecord({ currentContainerId: 'c1' });
    const effects = repair('dispose', { record, container: null });
    expect(effects.record?.next).to.include({
      status: 'removed',
      currentContainerId: null,
      removedAt: FINDING.nowMs,
    });
    expect(effects.health).to.deep.equal([
      {
        type: 'container_disappeared',
        source: 'docker_event',
        containerId: 'c1',
        occurredAtMs: FINDING.nowMs,
        details: {},
      },
    ]);
  });

  it('nothing is changed where the step is not about the record, or what it is about is not there', () => {
    const record = makeRecord({ currentContainerId: 'c1' });
    expect(repair('remove_container', { record })).to.deep.equal({});
    expect(repair('leave_alone', { record })).to.deep.equal({});
    expect(repair('adopt', { container: null })).to.deep.equal({});
    expect(repair('mark_exited', { record, container: null })).to.deep.equal({});
    expect(repair('mark_exited')).to.deep.equal({});
    // A container that is there is not disposed of.
    expect(repair('dispose', { record })).to.deep.equal({});
    expect(repair('dispose', { container: null })).to.deep.equal({});
  });
});
