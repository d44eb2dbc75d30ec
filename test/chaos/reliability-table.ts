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
 * @param isPiece whether lines of what was not played this time stay as well
 */
export function replaceTable(
  document: string,
  { name, title }: Pick<Scenario, 'name' | 'title'>,
  figures: readonly ChaosFigures[],
  { isPiece = false }: { readonly isPiece?: boolean } = {},
): string {
  const section = { kind: 'chaos', name, title };
  const before = isPiece ? readSection(document, section).split('\n') : [];
  const stays = before.filter(
    (line) =>
      line.startsWith('| ') &&
      !HEAD.includes(line) &&
      !figures.some(({ what }) => line.startsWith(`| ${what} |`)),
  );
  return replaceSection(document, section, [...HEAD, ...stays, ...figures.map(lineOf)].join('\n'));
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
