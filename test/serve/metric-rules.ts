/** One line with a value, in Prometheus' text format. */
export interface Series {
  readonly metric: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;
/** Units that are not the base unit, and words that tell a type or a label's values. */
const UNWANTED =
  /_(ms|us|ns|milliseconds|microseconds|minutes|hours|kb|mb|kilobytes|megabytes|percent|gauge|counter|histogram)(_|$)/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(,|$)/g;
const TYPES = ['counter', 'gauge', 'histogram'];

/**
 * Checks metrics as `promtool check metrics` does, and a little more strictly: what is wrong, in words.
 * (prometheus.io/docs/instrumenting/exposition_formats, prometheus.io/docs/practices/naming)
 */
export function checkMetrics(text: string): { readonly problems: string[]; readonly series: Series[] } {
  const problems: string[] = [];
  const series: Series[] = [];
  const types = new Map<string, string>();
  const helped = new Set<string>();
  if (!text.endsWith('\n')) problems.push('the text does not end with the end of a line');
  for (const line of text.split('\n').filter((line) => line !== '')) {
    const [, keyword, metric = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword === 'HELP') {
      if (helped.has(metric)) problems.push(`${metric}: two helps`);
      if (!/^[A-Z].*\.$/.test(rest)) problems.push(`${metric}: the help is no sentence`);
      helped.add(metric);
    } else if (keyword === 'TYPE') {
      if (types.has(metric)) problems.push(`${metric}: two types`);
      if (!TYPES.includes(rest)) problems.push(`${metric}: there is no type ${rest}`);
      types.set(metric, rest);
    } else {
      const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? [];
      const histogram = name.replace(/_(bucket|sum|count)$/, '');
      const owner = types.get(histogram) === 'histogram' ? histogram : name;
      if (name === '') problems.push(`this is no sample: ${line}`);
      if (!types.has(owner)) problems.push(`${name}: a value before its type`);
      if (labels.replace(LABEL, '') !== '') problems.push(`${name}: its labels cannot be read: ${labels}`);
      const pairs = [...labels.matchAll(LABEL)].map(([, label = '', text = '']) => [label, text] as const);
      series.push({
        metric: owner,
        name,
        labels: Object.fromEntries(pairs),
        value: Number(value.replace('+Inf', 'Infinity')),
      });
    }
  }
  for (const [metric, type] of types) problems.push(...checkName(metric, type, helped.has(metric)));
  return { problems: [...problems, ...checkSeries(series, types)], series };
}

function checkName(metric: string, type: string, isHelped: boolean): string[] {
  const problems: string[] = [];
  if (!isHelped) problems.push('no help');
  if (!NAME.test(metric)) problems.push('the name is not in snake case');
  if (UNWANTED.test(metric)) problems.push('the name has a unit that is no base unit, or a type');
  if ((type === 'counter') !== metric.endsWith('_total')) problems.push('counters, and only they, end in _total');
  if (type === 'histogram' && !/_(seconds|bytes)$/.test(metric)) problems.push('a histogram without a unit');
  return problems.map((problem) => `${metric}: ${problem}`);
}

function checkSeries(series: readonly Series[], types: ReadonlyMap<string, string>): string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const { metric, name, labels, value } of series) {
    const key = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
    if (seen.has(key)) problems.push(`${key}: twice`);
    seen.add(key);
    if (Number.isNaN(value)) problems.push(`${key}: no number`);
    if (types.get(metric) !== 'gauge' && value < 0) problems.push(`${key}: less than nothing`);
    for (const label of Object.keys(labels)) {
      if (!NAME.test(label)) problems.push(`${name}: the label ${label} is not in snake case`);
      if (label === 'le' && !name.endsWith('_bucket')) problems.push(`${name}: le is for buckets`);
    }
  }
  return [...problems, ...checkBuckets(series)];
}

/** Buckets rise, end with +Inf, and that is the count. */
function checkBuckets(series: readonly Series[]): string[] {
  const problems: string[] = [];
  const rows = new Map<string, Series[]>();
  for (const one of series.filter(({ name }) => name.endsWith('_bucket'))) {
    const { le: _bound, ...rest } = one.labels;
    const key = `${one.metric} ${JSON.stringify(rest)}`;
    rows.set(key, [...(rows.get(key) ?? []), one]);
  }
  for (const [key, buckets] of rows) {
    const bounds = buckets.map(({ labels }) => Number((labels['le'] ?? '').replace('+Inf', 'Infinity')));
    const isRising = (numbers: readonly number[]) =>
      numbers.every((number, i) => i === 0 || number >= (numbers[i - 1] ?? 0));
    if (!isRising(bounds) || bounds.at(-1) !== Number.POSITIVE_INFINITY) problems.push(`${key}: its bounds`);
    if (!isRising(buckets.map(({ value }) => value))) problems.push(`${key}: a bucket has less than a shorter one`);
    const count = series.find(
      ({ metric, name, labels }) => name === `${metric}_count` && `${metric} ${JSON.stringify(labels)}` === key,
    );
    if (count?.value !== buckets.at(-1)?.value) problems.push(`${key}: not all are in +Inf`);
  }
  return problems;
}
