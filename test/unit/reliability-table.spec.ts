import { expect } from 'chai';
import { replaceTable } from '../chaos/reliability-table.ts';
import type { ChaosFigures } from '../chaos/scenario.ts';

describe('the tables of docs/reliability.md', () => {
  const figures = (times: number): ChaosFigures[] => [
    {
      what: 'a replica',
      times,
      requests: 40,
      violations: [
        { kind: 'lost', what: 'one' },
        { kind: 'stuck', what: 'another' },
        { kind: 'doubled', what: 'a third' },
        { kind: 'order', what: 'a fourth' },
      ],
      recoveryMs: [1_000, 2_000, 6_000],
    },
  ];
  const scenario = { name: 'kills', title: 'Kills' };

  it('get a section at the end, and after that are replaced where they stand', () => {
    const first = replaceTable('# Title\n\nText.\n', scenario, figures(3));
    expect(first).to.match(/^# Title\n\nText\.\n\n## Kills\n\n<!-- chaos: kills -->/);
    expect(first).to.include('| a replica | 3 | 40 | 2 | 1 | 1 | 2.0 | 6.0 |');
    const written = first.replace('## Kills\n', '## Kills\n\nWords of people.\n');
    const second = replaceTable(`${written}\n## More\n`, scenario, figures(4));
    expect(second).to.include('Words of people.');
    expect(second).to.include('| a replica | 4 | 40 |');
    expect(second).not.to.include('| a replica | 3 |');
    expect(second).to.match(/## More\n$/);
    expect(second.match(/chaos: kills/g)).to.have.length(1);
  });

  it('of a run in pieces leave the lines of other pieces, and none that the piece has not come to again', () => {
    const [line] = figures(3);
    const named = (what: string, times: number) => ({ ...(line as ChaosFigures), what, times });
    const first = replaceTable('', scenario, [
      named('stop: a', 1),
      named('stop: b', 1),
      named('start: a', 1),
    ]);
    const second = replaceTable(first, scenario, [named('stop: b', 2)], (what) => !/^stop: /.test(what));
    expect(second.match(/^\| st.* \| \d(?= \| 40 )/gm)).to.deep.equal(['| start: a | 1', '| stop: b | 2']);
  });
});
