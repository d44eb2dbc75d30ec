import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parse } from 'yaml';
import { beginCounters } from '../../lib/telemetry/begin-counters.ts';
import { CATALOGUE, type Metric } from '../../lib/telemetry/catalogue.ts';
import { DOCKER_VERBS } from '../../lib/telemetry/label-sets.ts';
import { readQuery } from '../helpers/promql.ts';
import { makeReadMetrics } from '../helpers/read-metrics.ts';

const read = (file: string): string => readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8');
const METRICS = Object.values<Metric>(CATALOGUE);

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}
interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly action: string };
}

describe('the verbs that calls to Docker are counted by', () => {
  it('are those that lib/docker calls by, each of them and no other', () => {
    const folder = new URL('../../lib/docker/', import.meta.url);
    const sources = readdirSync(folder).map((file) => readFileSync(new URL(file, folder), 'utf8'));
    const called = sources.flatMap((source) =>
      [...source.matchAll(/(?:\bverb: |\bverb = |\.call\(\s*)'([^']+)'/gi)].map(([, verb]) => verb),
    );
    expect([...new Set(called)].sort()).to.deep.equal([...DOCKER_VERBS].sort());
  });
});

describe('docs/metrics.md', () => {
  const text = read('metrics.md');

  it('lists every metric as the catalogue has it, in its order, and no other', () => {
    const rows = text
      .slice(text.indexOf('## Every metric'))
      .split('\n')
      .filter((line) => /^\| `(rtmanager|process|nodejs)_/.test(line));
    expect(rows).to.deep.equal(
      METRICS.map(({ name, type, labels, description }) => {
        const named = Object.keys(labels).map((label) => `\`${label}\``);
        const shown = type === 'read_counter' ? 'counter' : type;
        return `| \`${name}\` | ${shown} | ${named.join(', ') || 'none'} | ${description}. |`;
      }),
    );
  });

  it('names no metric elsewhere that does not exist', () => {
    const named = text.match(/\b(rtmanager|process|nodejs)_\w+/g) ?? [];
    const known = METRICS.map(({ name }) => name);
    expect(named.filter((name) => !known.includes(name))).to.deep.equal([]);
  });
});

describe('the dashboard of docs/grafana', () => {
  const { panels }: { readonly panels: readonly Panel[] } = JSON.parse(read('grafana/runtime-manager.json'));
  const shown = panels.flatMap(({ title, targets = [] }) => targets.map((target) => ({ title, ...target })));

  it('asks only for what the catalogue has', () => {
    expect(shown.flatMap(({ title, expr }) => readQuery(expr).complaints.map((said) => `${title} ${said}`)))
      .to.be.empty;
  });

  it('shows every metric', () => {
    const asked = new Set(shown.flatMap(({ expr }) => readQuery(expr).metrics));
    const missing = METRICS.filter(({ name }) => !asked.has(name) && !asked.has(`${name}_bucket`));
    expect(missing.map(({ name }) => name)).to.deep.equal([]);
  });

  it('names in its legends what its queries leave', () => {
    for (const { title, expr, legendFormat } of shown) {
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        expect(label === 'instance' || expr.includes(String(label)), `${title}: ${label}`).to.equal(true);
      }
    }
  });

  it('gives every panel a number and a title of its own', () => {
    for (const key of ['id', 'title'] as const) {
      expect(new Set(panels.map((panel) => panel[key])).size, key).to.equal(panels.length);
    }
  });
});

describe('the alert rules of docs/prometheus', () => {
  const { groups }: { readonly groups: readonly { readonly rules: readonly Rule[] }[] } = parse(
    read('prometheus/alerts.yml'),
  );
  const rules = groups.flatMap((group) => group.rules);

  for (const { alert, expr, labels, annotations } of rules) {
    it(`${alert} asks only for what the catalogue has, and says what to do`, () => {
      const { metrics, complaints } = readQuery(expr);
      expect(complaints).to.deep.equal([]);
      expect(metrics).not.to.be.empty;
      expect(labels.severity).to.be.oneOf(['critical', 'warning']);
      expect(annotations.action).to.match(/\w/);
      for (const [, label] of annotations.summary.matchAll(/\$labels\.(\w+)/g)) {
        expect(expr, `the label ${label} of its summary`).to.match(new RegExp(`by \\([^)]*\\b${label}\\b`));
      }
    });
  }

  it('see the first count of what is worth an alarm once', async () => {
    const { metrics, samples } = makeReadMetrics();
    beginCounters(metrics);
    const begun = await samples();
    const once = rules.filter(({ expr }) => /increase\([\s\S]*> 0$/.test(expr.trim()));
    expect(once.map(({ alert }) => alert)).to.include.members([
      'RuntimeManagerDeadLetters',
      'RuntimeManagerGamesDied',
    ]);
    for (const { alert, expr } of once) {
      for (const metric of readQuery(expr).metrics) {
        expect(
          begun.filter((one) => one.name === metric).map((one) => one.value),
          alert,
        ).to.include(0);
      }
    }
    expect(begun.some((one) => one.value !== 0)).to.equal(false);
  });

  it('have names of their own', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).to.equal(rules.length);
  });
});

describe('what holds queries against the catalogue', () => {
  const wrong: readonly [query: string, said: string][] = [
    ['rtmanager_operation_total', 'is no metric'],
    ['rtmanager_operation_duration_seconds', 'is no metric'],
    ['rtmanager_operations_total{game_id="g"}', 'label game_id'],
    ['rtmanager_operations_total{outcome="failed"}', 'outcome="failed"'],
    ['rtmanager_operations_total{error_code=~"conflict|oops"}', 'error_code="oops"'],
    ['sum by (verb) (rate(rtmanager_probes_total[5m]))', 'groups by verb'],
    ['sum by (le) (rtmanager_operation_duration_seconds_count)', 'groups by le'],
    ['sum(rtmanager_probes_total', 'is no query'],
    ['', 'is no query'],
  ];
  for (const [query, said] of wrong) {
    it(`complains of ${query || 'nothing'}`, () => {
      expect(readQuery(query).complaints.join('; ')).to.include(said);
    });
  }
});

describe('the catalogue', () => {
  /** What the SDK keeps of one metric before it puts the rest into one series. */
  const MOST_SERIES = 2_000;

  for (const [key, { name, type, labels, unit, description, buckets }] of Object.entries<Metric>(CATALOGUE)) {
    it(`describes ${key}, with few series`, () => {
      expect(name).to.match(/^(rtmanager|process|nodejs)_[a-z_]+$/);
      expect(name.endsWith('_total'), 'ends as counters do').to.equal(type.endsWith('counter'));
      expect(name.endsWith('_seconds') || name.endsWith('_seconds_total'), 'tells its unit').to.equal(
        unit === 's',
      );
      expect(description).to.match(/^[A-Z1].*[^.]$/);
      expect(buckets?.toSorted((left, right) => left - right)).to.deep.equal(buckets);
      const sizes = Object.values(labels).map((values) => (values === 'process' ? 1 : values.length));
      expect(sizes.reduce((series, size) => series * size, 1)).to.be.at.most(MOST_SERIES);
    });
  }
});
