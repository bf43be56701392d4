import type { Observed } from './observed.ts';

/** A value, and which of a metric's series it is of. Labels never hold an address: there would be no end of series. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Which part of a histogram it is. */
  readonly part?: '_bucket' | '_sum' | '_count';
}

/** A metric as Prometheus knows it; names and units by its conventions (prometheus.io/docs/practices/naming). */
export interface MetricDefinition {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** The values of this moment. */
  samples(observed: Observed): Sample[];
}

/** The only series of a metric. */
export function single(value: number): Sample[] {
  return [{ labels: {}, value }];
}

/** A series for each value of one label. */
export function byLabel(label: string, values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }));
}
