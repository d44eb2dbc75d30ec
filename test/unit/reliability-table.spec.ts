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
});
