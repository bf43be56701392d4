import { Random } from '../tools/random.ts';
import type { Exchange } from './captured.ts';
import { framesOfLines } from './exchange-text.ts';
import { goldenExchanges } from './golden-exchanges.ts';
import { failingExchanges, goodExchanges } from './made-exchanges.ts';
import { everySingle, randomMixture } from './perturbations.ts';
import { recordedFailing, recordedGood } from './recorded-exchanges.ts';
import { REST_SECONDS, Truth, type TruthOutcome, type Violation } from './truth.ts';

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
  const doubtful = new Map<string, number>();
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
          doubtful.set(kind, (doubtful.get(kind) ?? 0) + 1);
        }
      }
    }
  }
  return { replays, violations, doubtful, excused };
}
