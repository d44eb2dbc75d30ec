import { expect } from 'chai';
import type { InspectedContainer } from '../../lib/docker/container.ts';
import { type Finding, GONE, judge } from '../../lib/inspection.ts';

const seen = (given: Partial<InspectedContainer> = {}): InspectedContainer => ({
  id: 'c1',
  name: 'galaxy-game-g',
  running: true,
  state: 'running',
  labels: {},
  networks: ['galaxy'],
  exitCode: 0,
  startedAt: '2026-01-01T00:00:00Z',
  endedBeforeAt: null,
  autoRemove: false,
  finishedAt: null,
  restartCount: 0,
  health: 'none',
  tty: false,
  image: 'engine:1',
  oomKilled: false,
  imageId: 'sha256:1',
  ...given,
});
const found = (problems: readonly string[], given: Partial<Finding> = {}): Finding => ({
  containerId: 'c1',
  restartCount: 0,
  problems,
  ...given,
});

describe('what an inspection makes of a running container', () => {
  const cases: readonly [
    what: string,
    now: Partial<InspectedContainer>,
    before: Finding | undefined,
    problems: readonly string[],
    verdict: 'news' | 'over' | 'written' | 'nothing',
  ][] = [
    ['as it should be', {}, undefined, [], 'nothing'],
    ['whose health check is content', { health: 'healthy' }, undefined, [], 'nothing'],
    ['whose health check has not said yet', { health: 'starting' }, undefined, [], 'nothing'],
    ['that is paused', { state: 'paused' }, undefined, ['paused'], 'news'],
    ['that is still paused', { state: 'paused' }, found(['paused']), ['paused'], 'nothing'],
    ['that is not paused any more', {}, found(['paused']), [], 'over'],
    ['that is paused again', { state: 'paused' }, found([]), ['paused'], 'news'],
    ['in a state that nobody has heard of', { state: 'hibernating' }, undefined, ['hibernating'], 'news'],
    ['that is unhealthy', { health: 'unhealthy' }, undefined, ['unhealthy'], 'news'],
    ['that restarts', { state: 'restarting', restartCount: 1 }, undefined, ['restarts'], 'news'],
    ['that has restarted', { restartCount: 3 }, undefined, ['restarts'], 'news'],
    [
      'that has not restarted since',
      { restartCount: 3 },
      found(['restarts'], { restartCount: 3 }),
      [],
      'over',
    ],
    [
      'that goes on restarting',
      { state: 'restarting', restartCount: 5 },
      found(['restarts'], { restartCount: 4 }),
      ['restarts'],
      'written',
    ],
    ['that restarts anew', { restartCount: 4 }, found([], { restartCount: 3 }), ['restarts'], 'news'],
    ['whose count began anew', { restartCount: 0 }, found([], { restartCount: 3 }), [], 'written'],
    [
      'with one more problem',
      { state: 'paused', health: 'unhealthy' },
      found(['unhealthy']),
      ['paused', 'unhealthy'],
      'news',
    ],
    [
      'with one problem less',
      { health: 'unhealthy' },
      found(['paused', 'unhealthy']),
      ['unhealthy'],
      'written',
    ],
    ['in place of one with a problem', {}, found(['paused'], { containerId: 'c0' }), [], 'nothing'],
    [
      'with the problem of the one before it',
      { state: 'paused' },
      found(['paused'], { containerId: 'c0' }),
      ['paused'],
      'news',
    ],
    ['that was taken for gone', {}, found([GONE]), [], 'over'],
  ];
  for (const [what, now, before, problems, verdict] of cases) {
    it(`${what}: ${verdict}`, () => {
      const container = seen(now);
      const { restartCount } = container;
      expect(judge(container, before)).to.deep.equal({
        finding: { containerId: 'c1', restartCount, problems },
        isNews: verdict === 'news',
        isOver: verdict === 'over',
        hasChanged: verdict !== 'nothing',
      });
    });
  }
});
