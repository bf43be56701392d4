import type { Exchange } from './captured.ts';
import { EXCUSES, type Excuse, Missing } from './excuses.ts';
import { type Perturbation, perturb } from './perturbations.ts';
import { type Flow, type Replayed, replayFrames } from './replayed.ts';

/** Something that is said of a perturbed capture, and not of the untouched one. */
export interface Violation {
  readonly exchange: string;
  readonly how: Perturbation;
  /** Seconds that pass behind the last frame. */
  readonly restSeconds: number;
  readonly what: string;
}

/** What came of many replays. */
export interface TruthOutcome {
  readonly replays: number;
  readonly violations: readonly Violation[];
  /** Doubtful events and suspicions that the untouched capture does not have, by what they say. */
  readonly doubtful: ReadonlyMap<string, number>;
  /** Facts that a perturbation itself makes, by rule. */
  readonly excused: ReadonlyMap<string, number>;
}

/** What is new in a perturbed capture. */
export interface Verdict {
  readonly facts: readonly string[];
  readonly doubts: readonly string[];
  readonly excused: readonly Excuse[];
}

/** The capture ends with its last frame; or time goes on until whatever is still open is given up. */
export const REST_SECONDS = [0, 2_000] as const;

const EndType = { fin: 0, tlsAlert: 1, reset: 2, stale: 3, halfOpen: 4, stopped: 5 } as const;
const UNENDED: readonly number[] = [EndType.stale, EndType.halfOpen, EndType.stopped];

/** Judges replays of one exchange against the untouched one. */
export class Truth {
  readonly #exchange: Exchange;
  readonly #restSeconds: number;
  readonly #certain: Map<string, number>;
  readonly #said: Set<string>;
  /** Codes that are told as facts, with their connection. */
  readonly #codes: Set<string>;
  readonly #flows: readonly Flow[];
  readonly #findings: ReadonlyMap<string, string>;

  constructor(exchange: Exchange, restSeconds: number) {
    this.#exchange = exchange;
    this.#restSeconds = restSeconds;
    const { claims, flows, findings } = replayFrames(exchange.frames, restSeconds);
    const facts = claims.filter(({ isCertain }) => isCertain).map(({ text }) => text);
    this.#certain = countOf(facts);
    this.#said = new Set(claims.map(({ text }) => text));
    this.#codes = new Set(facts.map(codeOf));
    this.#flows = flows;
    this.#findings = new Map(findings.map((one) => [`${one.causeId} ${one.where}`, one.severity]));
  }

  /** What is said of the perturbed capture and not of the untouched one: as a fact, and in doubt. */
  judge(how: Perturbation): Verdict {
    const frames = perturb(this.#exchange.frames, how);
    const perturbed = replayFrames(frames, this.#restSeconds);
    const news: string[] = [];
    const doubts: string[] = [];
    const seen = new Map<string, number>();
    for (const { text, isCertain } of perturbed.claims) {
      if (!isCertain) {
        if (!this.#said.has(text)) doubts.push(text);
        continue;
      }
      const times = (seen.get(text) ?? 0) + 1;
      seen.set(text, times);
      if (times > (this.#certain.get(text) ?? 0)) news.push(`event ${text}`);
    }
    const missing = news.length > 0 ? new Missing(this.#exchange.frames, frames) : null;
    const excused: Excuse[] = [];
    const facts = news.filter((text) => {
      const excuse = this.#excuseOf(text, missing);
      if (excuse !== null) excused.push(excuse);
      return excuse === null;
    });
    const isExcused = excused.length > 0;
    this.#judgeFlows(how, perturbed, facts, isExcused);
    this.#judgeFindings(perturbed, facts, doubts, isExcused);
    return { facts, doubts, excused };
  }

  #excuseOf(fact: string, missing: Missing | null): Excuse | null {
    if (missing?.hasLastWord && EXCUSES['last word missing'].test(fact)) return 'last word missing';
    if (EXCUSES['SYN repeated'].test(fact) && this.#codes.has(codeOf(fact.slice('event '.length)))) return 'SYN repeated';
    return null;
  }

  #judgeFlows(how: Perturbation, { flows }: Replayed, facts: string[], isExcused: boolean): void {
    const isShort = /(^| )until /.test(how);
    const counts = countOf(this.#flows.map(({ ends }) => ends));
    const seen = new Map<string, number>();
    for (const flow of flows) {
      if (!flow.isCertain) continue;
      const times = (seen.get(flow.ends) ?? 0) + 1;
      seen.set(flow.ends, times);
      if (times > (counts.get(flow.ends) ?? 0)) facts.push(`flow more connections than there are ${flow.ends}`);
      const same = this.#flows.filter(({ ends }) => ends === flow.ends);
      if (flow.failure !== '' && !same.some(({ failure }) => failure === flow.failure) && !isExcused) {
        facts.push(`flow failure ${flow.failure} ${flow.ends}`);
      }
      if (isShort || same.some((one) => isSameEnd(one, flow))) continue;
      const said = `endType=${flow.endType} bytes=${flow.bytes}`;
      const wanted = same.map(({ endType, bytes }) => `endType=${endType} bytes=${bytes}`).join(' or ');
      facts.push(`flow ${said} instead of ${wanted} ${flow.ends}`);
    }
  }

  #judgeFindings({ findings }: Replayed, facts: string[], doubts: string[], isExcused: boolean): void {
    for (const { causeId, where, severity } of findings) {
      if (severity === 'worth knowing') continue;
      const before = this.#findings.get(`${causeId} ${where}`);
      if (before === severity || before === 'broken') continue;
      if (severity !== 'broken') doubts.push(`finding suspicious ${causeId} ${where}`);
      else if (!isExcused) facts.push(`finding broken ${causeId} ${where}`);
    }
  }
}

/** An alert that could not be read leaves the end that TCP knows; a last word that is missing leaves none. */
function isSameEnd(untouched: Flow, flow: Flow): boolean {
  if (untouched.bytes !== flow.bytes) return false;
  if (untouched.endType === flow.endType) return true;
  if (untouched.endType === EndType.tlsAlert) return flow.endType === EndType.fin || flow.endType === EndType.reset;
  return UNENDED.includes(flow.endType);
}

/** The code and the connection of what an event says. */
function codeOf(text: string): string {
  return `${text.slice(0, 5)} ${text.slice(text.lastIndexOf(' ') + 1)}`;
}

function countOf(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}
