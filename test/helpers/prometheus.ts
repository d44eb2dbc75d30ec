/** One series of a scrape. */
export interface Sample {
  /** Of the family, without `_bucket`, `_sum` and `_count` of a histogram. */
  readonly family: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
}

/** A page of metrics, read by the rules of the text format; a line that keeps none of them throws. */
export function parseMetrics(text: string): { families: Family[]; samples: Sample[] } {
  const families: Family[] = [];
  const samples: Sample[] = [];
  const help = new Map<string, string>();
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE|UNIT) (\w+) ?(.*)$/.exec(line) ?? [];
    if (kind === 'HELP') help.set(name, rest);
    else if (kind === 'TYPE') families.push({ name, type: rest, help: help.get(name) ?? '' });
    else if (kind === undefined) samples.push(parseSample(line, families.at(-1)));
  }
  return { families, samples };
}

function parseSample(line: string, family: Family | undefined): Sample {
  const [, name = '', labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  const own = family?.type === 'histogram' ? name.replace(/_(bucket|sum|count)$/, '') : name;
  if (!family || own !== family.name || value === undefined) {
    throw new Error(`no line of the text format, or not of ${family?.name}: ${line}`);
  }
  const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text]) => [label, text]);
  const number = value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value);
  return { family: family.name, name, labels: Object.fromEntries(pairs), value: number };
}
