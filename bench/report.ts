/** A measured value, or words. */
export type Cell = string | number;

/** What a bench found: a table for people, and everything that was measured for programs. */
export interface BenchResult {
  readonly title: string;
  /** How it was done, in a sentence or two: no figure means anything without it. */
  readonly method: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** What has to hold, and whether it does. */
  readonly verdicts: readonly Verdict[];
  readonly raw: unknown;
}

/** A goal and what came of it. */
export interface Verdict {
  readonly goal: string;
  readonly reached: boolean;
  readonly measured: string;
}

/** Settings shared by all benches. */
export interface BenchSettings {
  readonly rounds: number;
  /** 1 for the real thing, less for a quick look: scales counts and durations. */
  readonly scale: number;
  readonly programs: readonly string[];
  /** What of a bench with several cases is measured; empty: all. */
  readonly cases: readonly string[];
}

/** A bench: a name to select it by, and how to run it. */
export interface Bench {
  readonly name: string;
  readonly about: string;
  run(settings: BenchSettings): Promise<BenchResult>;
}

/** `1234567` as `1,234,567`; fractions with as many digits as say something. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Number.isInteger(value)) return value.toLocaleString('en-US');
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Mebibytes of a number of bytes. */
export function mebibytes(bytes: number): number {
  return Math.round(bytes / (1 << 20));
}

/** A result as text. */
export function formatResult({ title, method, columns, rows, verdicts }: BenchResult): string {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? formatNumber(cell) : cell)));
  const widths = columns.map((column, i) => Math.max(column.length, ...cells.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ');
  return [
    `\n## ${title}`,
    method,
    '',
    line(columns),
    line(widths.map((width) => '-'.repeat(width))),
    ...cells.map(line),
    ...verdicts.map(({ goal, reached, measured }) => `${reached ? 'reached' : 'MISSED '}  ${goal}: ${measured}`),
  ].join('\n');
}
