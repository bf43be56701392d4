import type { Exchange } from './captured.ts';
import { type Excuse, Missing } from './excuses.ts';
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

/** How often something is said in doubt, and where first. */
export interface Doubtful {
  count: number;
  readonly example: string;
}

/** What came of many replays. */
export interface TruthOutcome {
  readonly replays: number;
  readonly violations: readonly Violation[];
  /** Doubtful events and suspicions that the untouched capture does not have, by what they say. */
  readonly doubtful: ReadonlyMap<string, Doubtful>;
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
const TLS_ESTABLISHED = '00003 ';
const RETRANSMITTED = /double \d+ (300|1200)/;
const UNENDED: readonly number[] = [EndType.stale, EndType.halfOpen, EndType.stopped];

/** Judges replays of one exchange against the untouched one. */
export class Truth {
  readonly #exchange: Exchange;
  readonly #restSeconds: number;
  readonly #certain: Map<string, number>;
  readonly #said: Set<string>;
  readonly #flows: readonly Flow[];
  readonly #findings: ReadonlyMap<string, string>;

  constructor(exchange: Exchange, restSeconds: number) {
    this.#exchange = exchange;
    this.#restSeconds = restSeconds;
    const { claims, flows, findings } = replayFrames(exchange.frames, restSeconds);
    const facts = claims.filter(({ isCertain }) => isCertain).map(({ text }) => text);
    this.#certain = countOf(facts);
    this.#said = new Set(claims.map(({ text }) => text));
    this.#flows = flows;
    this.#findings = new Map(
      findings.flatMap(({ causeId, joined, where, severity }) =>
        [causeId, ...joined].map((cause) => [`${cause} ${where}`, severity] as const),
      ),
    );
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
      // that TLS was established may be more certain where more time has passed, and a silence where more was sent again
      const isTrue = this.#said.has(text) && (text.startsWith(TLS_ESTABLISHED) || RETRANSMITTED.test(how));
      if (times > (this.#certain.get(text) ?? 0) && !isTrue) news.push(`event ${text}`);
    }
    this.#judgeFlows(how, perturbed, news);
    this.#judgeFindings(perturbed, news, doubts);
    if (news.length === 0) return { facts: news, doubts, excused: [] };
    const missing = new Missing(this.#exchange.frames, frames);
    const excused: Excuse[] = [];
    const facts = news.filter((text) => {
      const excuse = missing.excuse(text);
      if (excuse !== null) excused.push(excuse);
      return excuse === null;
    });
    // what follows from an event that is excused is excused with it
    const events = facts.filter((text) => text.startsWith('event ') || text.startsWith('flow endType'));
    return { facts: excused.length > 0 ? events : facts, doubts, excused };
  }

  #judgeFlows(how: Perturbation, { flows, claims }: Replayed, facts: string[]): void {
    const isShort = /(^| )until /.test(how);
    const counts = countOf(this.#flows.map(({ ends }) => ends));
    const seen = new Map<string, number>();
    const told = new Set(claims.map(({ text }) => text.slice(0, 5))); // in doubt or not, an event stands for it
    for (const flow of flows) {
      if (!flow.isCertain) continue;
      const times = (seen.get(flow.ends) ?? 0) + 1;
      seen.set(flow.ends, times);
      if (times > (counts.get(flow.ends) ?? 0)) facts.push(`flow more connections than there are ${flow.ends}`);
      if (flow.failure !== '' && !told.has(flow.failure)) facts.push(`flow failure ${flow.failure} ${flow.ends}`);
      const same = this.#flows.filter(({ ends }) => ends === flow.ends);
      if (isShort || same.some((one) => isSameEnd(one, flow))) continue;
      const said = `endType=${flow.endType} bytes=${flow.bytes}`;
      const wanted = same.map(({ endType, bytes }) => `endType=${endType} bytes=${bytes}`).join(' or ');
      facts.push(`flow ${said} instead of ${wanted} ${flow.ends}`);
    }
  }

  #judgeFindings({ findings }: Replayed, facts: string[], doubts: string[]): void {
    for (const { causeId, joined, where, severity, doubtful } of findings) {
      if (severity === 'worth knowing') continue;
      // a cause that is said in doubt stands before others of the same trouble that are not
      const causes = doubtful > 0 ? [causeId, ...joined] : [causeId];
      const before = causes.map((cause) => this.#findings.get(`${cause} ${where}`));
      if (before.includes(severity) || before.includes('broken')) continue;
      if (severity !== 'broken') doubts.push(`finding suspicious ${causeId} ${where}`);
      else facts.push(`finding broken ${causeId} ${where}`);
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

function countOf(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}
