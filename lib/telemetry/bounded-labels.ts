import { CATALOGUE, type Catalogue, type Metric } from './catalogue.ts';
import { OTHER } from './label-sets.ts';

type Labels = Readonly<Record<string, string>>;

const SETS = new Map<string, ReadonlyMap<string, ReadonlySet<string>>>(
  Object.entries<Metric>(CATALOGUE).map(([key, { labels }]) => [
    key,
    new Map(
      Object.entries(labels).flatMap(([label, values]) =>
        values === 'process' ? [] : [[label, new Set(values)] as const],
      ),
    ),
  ]),
);

/**
 * The labels as they are recorded: a value that is not in the catalogue becomes `other`. Types can not see to that
 * alone, because rows and errors may carry words that only a newer version knows.
 */
export function boundedLabels(key: keyof Catalogue, labels: Labels): Labels {
  const sets = SETS.get(key);
  const isKnown = ([label, value]: [string, string]): boolean => sets?.get(label)?.has(value) ?? true;
  const entries = Object.entries(labels);
  if (entries.every(isKnown)) return labels;
  return Object.fromEntries(entries.map((entry) => (isKnown(entry) ? entry : [entry[0], OTHER])));
}
