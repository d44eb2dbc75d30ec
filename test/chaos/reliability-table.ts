import { readSection, replaceSection } from '../../dev/marked-section.ts';
import { quantile } from '../bench/statistics.ts';
import type { ChaosFigures, Scenario } from './scenario.ts';

const HEAD = [
  '| what was killed | times | requests | lost | doubled | other violations | recovery p50 s | most s |',
  '|---|---|---|---|---|---|---|---|',
];

/**
 * The document with this scenario's table in the place that is marked for it, or in a section of its own at the end.
 *
 * @param stays whether a line stays that is not among the figures, by its first cell; none does unless given
 */
export function replaceTable(
  document: string,
  { name, title }: Pick<Scenario, 'name' | 'title'>,
  figures: readonly ChaosFigures[],
  stays: (what: string) => boolean = () => false,
): string {
  const section = { kind: 'chaos', name, title };
  const kept = readSection(document, section)
    .split('\n')
    .filter((line) => {
      const what = /^\| (.*?) \|/.exec(line)?.[1];
      return what && !HEAD.includes(line) && stays(what) && !figures.some((one) => one.what === what);
    });
  return replaceSection(document, section, [...HEAD, ...kept, ...figures.map(lineOf)].join('\n'));
}

function lineOf({ what, times, requests, violations, recoveryMs }: ChaosFigures): string {
  const count = (...kinds: string[]) => violations.filter(({ kind }) => kinds.includes(kind)).length;
  const seconds = (share: number) =>
    recoveryMs.length === 0 ? '' : (quantile(recoveryMs, share) / 1_000).toFixed(1);
  const [lost, doubled] = [count('lost', 'stuck'), count('doubled')];
  const cells = [
    what,
    times,
    requests,
    lost,
    doubled,
    violations.length - lost - doubled,
    seconds(0.5),
    seconds(1),
  ];
  return `| ${cells.join(' | ')} |`;
}
