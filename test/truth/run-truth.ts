import { Random } from '../tools/random.ts';
import type { Exchange } from './captured.ts';
import { framesOfLines } from './exchange-text.ts';
import { goldenExchanges } from './golden-exchanges.ts';
import { failingExchanges, goodExchanges } from './made-exchanges.ts';
import { everySingle, randomMixture } from './perturbations.ts';
import { recordedFailing, recordedGood } from './recorded-exchanges.ts';
import { type Doubtful, REST_SECONDS, Truth, type TruthOutcome, type Violation } from './truth.ts';

/** All exchanges that are perturbed. */
export async function allExchanges(): Promise<Exchange[]> {
  return [
    ...recorded(recordedGood, true),
    ...recorded(recordedFailing, false),
    ...goodExchanges(),
    ...failingExchanges(),
    ...(await goldenExchanges()),
  ];
}

function recorded(exchanges: Readonly<Record<string, readonly string[]>>, isGood: boolean): Exchange[] {
  return Object.entries(exchanges).map(([name, lines]) => ({
    name: `peers: ${name}`,
    isGood,
    frames: framesOfLines(lines),
  }));
}

/** Which replays are made. */
export interface TruthOptions {
  readonly seed: number;
  /** Of the perturbations of single frames, this share is tried. */
  readonly share: number;
  /** Mixtures of perturbations of each exchange. */
  readonly mixtures: number;
}

/** Replays exchanges perturbed, and says what was said wrongly. */
export function runTruth(exchanges: readonly Exchange[], { seed, share, mixtures }: TruthOptions): TruthOutcome {
  const random = new Random(seed);
  const violations: Violation[] = [];
  const doubtful = new Map<string, Doubtful>();
  const excused = new Map<string, number>();
  let replays = 0;
  for (const exchange of exchanges) {
    const { frames, isGood, name } = exchange;
    for (const restSeconds of REST_SECONDS) {
      const truth = new Truth(exchange, restSeconds);
      const hows = [...everySingle(frames, isGood)].filter(
        // a capture that ends says nothing of what comes after it
        (how) => random.chance(share) && (restSeconds === 0 || !how.startsWith('until')),
      );
      for (let n = 0; n < mixtures; n++) hows.push(randomMixture(frames, isGood, random));
      for (const how of hows) {
        replays++;
        const { facts, doubts, excused: rules } = truth.judge(how);
        for (const rule of rules) excused.set(rule, (excused.get(rule) ?? 0) + 1);
        for (const what of facts) violations.push({ exchange: name, how, restSeconds, what });
        for (const doubt of doubts) {
          const kind = doubt.replace(/ \S+:\d+$/, '');
          const known = doubtful.get(kind);
          if (known !== undefined) known.count++;
          else doubtful.set(kind, { count: 1, example: `${name} | ${how} | rest ${restSeconds}` });
        }
      }
    }
  }
  return { replays, violations, doubtful, excused };
}

/** A kind of false statement: how often it was made, and the first few times. */
export interface ViolationKind {
  count: number;
  readonly examples: string[];
}

const EXAMPLES = 6;

/** Sums violations up by what is said, whoever it is said of; the most frequent first. */
export function violationKinds(violations: readonly Violation[]): Map<string, ViolationKind> {
  const kinds = new Map<string, ViolationKind>();
  for (const { what, exchange, how, restSeconds } of violations) {
    const kind = what
      .replace(/( \S+:\d+)+$/, '')
      .replace(/\S+:\d+/g, '…')
      .replace(/bytes=\S+/g, 'bytes');
    const known = kinds.get(kind) ?? { count: 0, examples: [] };
    kinds.set(kind, known);
    known.count++;
    if (known.examples.length < EXAMPLES) known.examples.push(`${exchange} | ${how} | rest ${restSeconds}`);
  }
  return new Map([...kinds].sort((a, b) => b[1].count - a[1].count));
}

/** For `npm run fuzz -- truth`: every perturbation of single frames, and `mixtures` of several for each exchange. */
export async function fuzzTruth(seed: number, mixtures: number): Promise<object> {
  const beganMs = performance.now();
  const { replays, violations, doubtful, excused } = runTruth(await allExchanges(), { seed, share: 1, mixtures });
  return {
    replays,
    replaysPerSecond: Math.round((replays * 1_000) / (performance.now() - beganMs)),
    violations: Object.fromEntries(violationKinds(violations)),
    doubtful: Object.fromEntries([...doubtful].sort((a, b) => b[1].count - a[1].count)),
    excused: Object.fromEntries(excused),
  };
}
