import { quantile } from '../bench/statistics.ts';
import type { ChaosFigures, Scenario } from './scenario.ts';

const HEAD = [
  '| what was killed | times | requests | lost | doubled | other violations | recovery p50 s | most s |',
  '|---|---|---|---|---|---|---|---|',
];

/**
 * The document with this scenario's table in the place that is marked for it, or in a section of its own at the end.
 * Everything outside of the marks is written by people and stays.
 *
 * @param isPiece whether lines of what was not played this time stay as well
 */
export function replaceSection(
  document: string,
  { name, title }: Pick<Scenario, 'name' | 'title'>,
  figures: readonly ChaosFigures[],
  { isPiece = false }: { readonly isPiece?: boolean } = {},
): string {
  const [begin, end] = [`<!-- chaos: ${name} -->`, `<!-- end: ${name} -->`];
  const from = document.indexOf(begin);
  const to = document.indexOf(end, from);
  const before = isPiece && from >= 0 ? document.slice(from, to).split('\n') : [];
  const stays = before.filter(
    (line) =>
      line.startsWith('| ') &&
      !HEAD.includes(line) &&
      !figures.some(({ what }) => line.startsWith(`| ${what} |`)),
  );
  const table = [begin, '', ...HEAD, ...stays, ...figures.map(lineOf), '', end].join('\n');
  if (from < 0 || to < 0) return `${document.trimEnd()}\n\n## ${title}\n\n${table}\n`;
  return document.slice(0, from) + table + document.slice(to + end.length);
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
