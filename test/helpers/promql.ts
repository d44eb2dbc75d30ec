import { parser } from '@prometheus-io/lezer-promql';
import { CATALOGUE, type Metric } from '../../lib/telemetry/catalogue.ts';

/** What Prometheus itself adds to every series. */
const TARGET_LABELS = ['job', 'instance'];

interface Known {
  readonly labels: Metric['labels'];
  readonly hasBuckets: boolean;
}

/** Every series that there can be, under the name that a query gives it. */
const KNOWN = new Map<string, Known>(
  Object.values<Metric>(CATALOGUE).flatMap(({ name, type, labels }) =>
    type === 'histogram'
      ? ['_bucket', '_sum', '_count'].map(
          (end) => [name + end, { labels, hasBuckets: end === '_bucket' }] as const,
        )
      : [[name, { labels, hasBuckets: false }] as const],
  ),
);

/** What a query asks for. */
interface Query {
  readonly metrics: readonly string[];
  /** One sentence for everything in it that is not in the catalogue, or is no query. */
  readonly complaints: readonly string[];
}

/** Reads a query by Prometheus' own grammar; a variable of Grafana stands for whatever it is replaced with. */
export function readQuery(text: string): Query {
  const query = text.replaceAll('$__rate_interval', '5m');
  const metrics: string[] = [];
  const complaints: string[] = [];
  const grouped: string[] = [];
  let selected: Known | undefined;
  let label = '';
  let isRegex = false;
  const inside: string[] = [];
  parser.parse(query).iterate({
    enter({ name, from, to, type }) {
      const said = query.slice(from, to);
      if (type.isError) complaints.push(`is no query at "${query.slice(from, from + 20)}"`);
      if (name === 'Identifier' && inside.at(-1) === 'VectorSelector') {
        metrics.push(said);
        selected = KNOWN.get(said);
        if (!selected) complaints.push(`names ${said}, which is no metric`);
      }
      if (name === 'LabelName') {
        label = said;
        if (inside.includes('GroupingLabels')) grouped.push(said);
        else if (selected && !hasLabel(selected, said))
          complaints.push(`asks ${metrics.at(-1)} for its label ${said}`);
      }
      if (name === 'EqlRegex' || name === 'NeqRegex') isRegex = true;
      if (name === 'EqlSingle' || name === 'Neq') isRegex = false;
      if (name === 'StringLiteral' && inside.includes('LabelMatchers')) {
        const values = selected?.labels[label];
        const wanted = said.slice(1, -1);
        for (const value of isRegex ? wanted.split('|') : [wanted]) {
          if (Array.isArray(values) && !values.includes(value)) {
            complaints.push(`asks ${metrics.at(-1)} for ${label}="${value}"`);
          }
        }
      }
      inside.push(name);
    },
    leave: () => void inside.pop(),
  });
  for (const one of grouped) {
    if (metrics.some((metric) => hasLabel(KNOWN.get(metric), one))) continue;
    complaints.push(`groups by ${one}, which none of its metrics has`);
  }
  return { metrics, complaints };
}

const hasLabel = (known: Known | undefined, label: string): boolean =>
  known !== undefined &&
  (TARGET_LABELS.includes(label) || label in known.labels || (label === 'le' && known.hasBuckets));
