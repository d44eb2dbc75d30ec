import { expect } from 'chai';
import type { Container } from '../../lib/docker/container.ts';
import { GAME_LABEL, OPERATION_LABEL, OWNER, OWNER_LABEL } from '../../lib/docker/labels.ts';
import { type DriftView, planReconcile, type RecordedGame } from '../../lib/reconcile-plan.ts';
import type { RuntimeStatus } from '../../lib/runtime-record.ts';

const NETWORK = 'galaxy';
/** Of game `g`, and over for long. */
const ENDED = '11111111-1111-4111-8111-111111111111';
const UNFINISHED = '22222222-2222-4222-8222-222222222222';
const OF_ANOTHER_GAME = '33333333-3333-4333-8333-333333333333';

/** A running container of game `g` that operation `ENDED` made, except for what is given. */
function container(
  id: string,
  state: string,
  given: Partial<Container> & { labels?: object } = {},
): Container {
  const { labels, ...rest } = given;
  return {
    id,
    name: `name-of-${id}`,
    running: ['running', 'paused', 'restarting'].includes(state),
    state,
    networks: [NETWORK],
    ...rest,
    labels: { [OWNER_LABEL]: OWNER, [GAME_LABEL]: 'g', [OPERATION_LABEL]: UNFINISHED, ...labels },
  };
}
const byEnded = { labels: { [OPERATION_LABEL]: ENDED } };

const record = (status: RuntimeStatus, currentContainerId: string | null = 'recorded'): RecordedGame => ({
  gameId: 'g',
  status,
  currentContainerId,
});

const plan = (records: RecordedGame[], containers: Container[], given: Partial<DriftView> = {}) =>
  planReconcile({
    records,
    containers,
    network: NETWORK,
    ended: new Map([
      ['g', [ENDED]],
      ['other', [OF_ANOTHER_GAME]],
    ]),
    ...given,
  });

/** What is done about which container. */
const actions = (...given: Parameters<typeof plan>) =>
  plan(...given).map((step) => [step.action, step.containerId]);

describe('the plan of a reconcile pass (spec, section 5)', () => {
  describe('a game without a record', () => {
    it('running container: adopted', () => {
      expect(plan([], [container('a', 'running')])).to.deep.equal([
        {
          gameId: 'g',
          containerId: 'a',
          recordStatus: null,
          containerState: 'running',
          action: 'adopt',
          reason: "A running container carries RTM's labels and no record exists for its game.",
        },
      ]);
    });

    for (const state of ['paused', 'restarting']) {
      it(`${state} container: adopted, for Docker calls it running`, () => {
        expect(actions([], [container('a', state)])).to.deep.equal([['adopt', 'a']]);
      });
    }

    for (const state of ['created', 'exited', 'dead', 'removing']) {
      it(`${state} container: left alone`, () => {
        expect(actions([], [container('a', state)])).to.deep.equal([['leave_alone', 'a']]);
      });
    }

    it('container that does not run, of a finished operation: removed', () => {
      expect(plan([], [container('a', 'exited', byEnded)])).to.deep.equal([
        {
          gameId: 'g',
          containerId: 'a',
          recordStatus: null,
          containerState: 'not_running',
          action: 'remove_container',
          reason: 'It does not run and no record exists; an operation of RTM that has ended created it.',
        },
      ]);
    });

    it('running container of a finished operation: adopted, not removed', () => {
      expect(actions([], [container('a', 'running', byEnded)])).to.deep.equal([['adopt', 'a']]);
    });
  });

  describe('a running game', () => {
    for (const state of ['running', 'paused', 'restarting']) {
      it(`same container ${state}: nothing`, () => {
        expect(plan([record('running')], [container('recorded', state)])).to.deep.equal([]);
      });
    }

    for (const state of ['exited', 'created', 'dead', 'removing']) {
      it(`same container ${state}: stopped`, () => {
        expect(plan([record('running')], [container('recorded', state)])).to.deep.equal([
          {
            gameId: 'g',
            containerId: 'recorded',
            recordStatus: 'running',
            containerState: 'not_running',
            action: 'mark_exited',
            reason: `The record says running and the container is ${state}.`,
          },
        ]);
      });
    }

    it('container gone: removed', () => {
      expect(plan([record('running')], [])).to.deep.equal([
        {
          gameId: 'g',
          containerId: 'recorded',
          recordStatus: 'running',
          containerState: 'gone',
          action: 'dispose',
          reason: 'The record says running and there is no such container any more.',
        },
      ]);
    });

    it('its container taken off the network: it counts all the same', () => {
      const off = { networks: [] };
      expect(actions([record('running')], [container('recorded', 'running', off)])).to.deep.equal([]);
      expect(actions([record('running')], [container('recorded', 'exited', off)])).to.deep.equal([
        ['mark_exited', 'recorded'],
      ]);
    });
  });

  describe('a stopped game', () => {
    it('same container exited: nothing', () => {
      expect(plan([record('stopped')], [container('recorded', 'exited')])).to.deep.equal([]);
    });

    it('container gone: removed', () => {
      expect(actions([record('stopped')], [])).to.deep.equal([['dispose', 'recorded']]);
    });

    it('no container on record: removed', () => {
      expect(actions([record('stopped', null)], [])).to.deep.equal([['dispose', null]]);
    });

    it('same container running again: adopted', () => {
      expect(plan([record('stopped')], [container('recorded', 'running')])).to.deep.equal([
        {
          gameId: 'g',
          containerId: 'recorded',
          recordStatus: 'stopped',
          containerState: 'running',
          action: 'adopt',
          reason: 'The record says stopped and its container runs again.',
        },
      ]);
    });

    it('same container running again, but off the network: left alone', () => {
      const off = container('recorded', 'running', { networks: ['elsewhere'] });
      expect(actions([record('stopped')], [off])).to.deep.equal([['leave_alone', 'recorded']]);
    });
  });

  describe('a removed game', () => {
    for (const state of ['running', 'exited']) {
      it(`${state} container: left alone`, () => {
        expect(plan([record('removed', null)], [container('a', state)])).to.deep.equal([
          {
            gameId: 'g',
            containerId: 'a',
            recordStatus: 'removed',
            containerState: state === 'running' ? 'running' : 'not_running',
            action: 'leave_alone',
            reason: 'The record says removed; nothing proves that RTM created it.',
          },
        ]);
      });

      it(`${state} container of a finished operation: removed`, () => {
        expect(actions([record('removed', null)], [container('a', state, byEnded)])).to.deep.equal([
          ['remove_container', 'a'],
        ]);
      });
    }

    it('no container: nothing', () => {
      expect(plan([record('removed', null)], [])).to.deep.equal([]);
    });
  });

  describe('two containers of one game', () => {
    for (const status of ['running', 'stopped'] as const) {
      const state = status === 'running' ? 'running' : 'exited';
      it(`of a ${status} game: the recorded one counts, the other is reported`, () => {
        const containers = [container('other', 'running'), container('recorded', state)];
        expect(plan([record(status)], containers)).to.deep.equal([
          {
            gameId: 'g',
            containerId: 'other',
            recordStatus: status,
            containerState: 'running',
            action: 'leave_alone',
            reason: 'The record names another container of the game; nothing proves that RTM created it.',
          },
        ]);
      });
    }

    it('the other is removed when its operation label proves it ours, running or not', () => {
      for (const state of ['running', 'exited']) {
        const containers = [container('recorded', 'running'), container('other', state, byEnded)];
        expect(actions([record('running')], containers)).to.deep.equal([['remove_container', 'other']]);
      }
    });

    it('the recorded one is gone: removed, and the other is not put in its place', () => {
      expect(actions([record('running')], [container('other', 'running')])).to.deep.equal([
        ['dispose', 'recorded'],
        ['leave_alone', 'other'],
      ]);
    });

    it('without a record: the one under the game’s name is adopted, whichever comes first', () => {
      const named = container('z', 'running', { name: 'galaxy-game-g' });
      const other = container('a', 'running');
      for (const containers of [
        [named, other],
        [other, named],
      ]) {
        expect(actions([], containers)).to.have.deep.members([
          ['adopt', 'z'],
          ['leave_alone', 'a'],
        ]);
      }
    });

    it('without a record and under other names: the same one always', () => {
      const [first, second] = [container('a', 'running'), container('b', 'running', byEnded)];
      for (const containers of [
        [first, second],
        [second, first],
      ]) {
        expect(actions([], containers)).to.have.deep.members([
          ['adopt', 'a'],
          ['remove_container', 'b'],
        ]);
      }
    });

    it('without a record, one of them running: that one is adopted', () => {
      const containers = [container('a', 'exited', { name: 'galaxy-game-g' }), container('b', 'running')];
      expect(actions([], containers)).to.have.deep.members([
        ['leave_alone', 'a'],
        ['adopt', 'b'],
      ]);
    });
  });

  describe('the operation label', () => {
    const LABELS: Readonly<Record<string, string>> = {
      'of an operation that has not ended': UNFINISHED,
      'of an operation that nobody knows': '44444444-4444-4444-8444-444444444444',
      'of an operation on another game': OF_ANOTHER_GAME,
      'that is no operation id': 'by hand',
      'that is empty': '',
    };
    for (const [what, label] of Object.entries(LABELS)) {
      it(`${what} proves nothing (failure mode 12)`, () => {
        const left = container('a', 'exited', { labels: { [OPERATION_LABEL]: label } });
        expect(actions([], [left])).to.deep.equal([['leave_alone', 'a']]);
        expect(actions([record('removed', null)], [left])).to.deep.equal([['leave_alone', 'a']]);
      });
    }
  });

  describe('what is not ours is not even reported', () => {
    const OTHERS: Readonly<Record<string, Container>> = {
      'of another owner': container('a', 'running', { labels: { [OWNER_LABEL]: 'somebody' } }),
      'without labels': { ...container('a', 'running'), labels: {} },
      'without a game': { ...container('a', 'running'), labels: { [OWNER_LABEL]: OWNER } },
      'on another network': container('a', 'running', { networks: ['other-galaxy', 'bridge'] }),
      'on no network': container('a', 'running', { networks: [] }),
    };
    for (const [what, other] of Object.entries(OTHERS)) {
      it(what, () => {
        expect(plan([], [other])).to.deep.equal([]);
        expect(plan([record('removed', null)], [{ ...other, running: false }])).to.deep.equal([]);
      });
    }
  });

  it('a game label that is no game id: reported and left alone, even if an operation is named', () => {
    for (const gameId of ['../etc', '.hidden', 'a..b', 'a b', 'x'.repeat(129), '']) {
      const odd = container('a', 'running', { labels: { [GAME_LABEL]: gameId, [OPERATION_LABEL]: ENDED } });
      const [step, ...more] = plan([], [odd], { ended: new Map([[gameId, [ENDED]]]) });
      expect(more).to.deep.equal([]);
      expect(step).to.include({ gameId, action: 'leave_alone' });
      expect(step?.reason).to.equal('Its game label is no game id, so no record can tell of it.');
    }
  });

  it('a game label that is the name of a property is a game like others', () => {
    const odd = container('a', 'running', { labels: { [GAME_LABEL]: 'constructor' } });
    expect(plan([], [odd])[0]).to.include({ gameId: 'constructor', action: 'adopt' });
  });

  it('many games at once: each by itself, and what is in step in no step', () => {
    const records: RecordedGame[] = [
      { gameId: 'in-step', status: 'running', currentContainerId: 'c1' },
      { gameId: 'exited', status: 'running', currentContainerId: 'c2' },
      { gameId: 'gone', status: 'stopped', currentContainerId: 'c3' },
    ];
    const of = (gameId: string) => ({ labels: { [GAME_LABEL]: gameId } });
    const containers = [
      container('c1', 'running', of('in-step')),
      container('c2', 'exited', of('exited')),
      container('c4', 'running', of('new')),
    ];
    expect(plan(records, containers).map((step) => [step.gameId, step.action])).to.deep.equal([
      ['exited', 'mark_exited'],
      ['gone', 'dispose'],
      ['new', 'adopt'],
    ]);
  });
});
