import type { Established, LiveSource } from '../capture/packet-source.ts';
import type { SettingsView } from '../model/live-settings.ts';
import type { Emitter } from '../pipeline/emitter.ts';
import type { PacketProcessor } from '../pipeline/packet-processor.ts';
import { OverloadLadder, Step, type StepTaken } from './overload-ladder.ts';

/** What goes and comes back with a step. */
interface Shed {
  readonly goes: string;
  readonly comesBack: string;
}

const SHED: Readonly<Record<Exclude<Step, 0>, Shed>> = {
  [Step.history]: { goes: 'packets are no longer kept for pcaps', comesBack: 'packets are kept for pcaps again' },
  [Step.payload]: {
    goes: 'payload is no longer read (no TLS, no header search)',
    comesBack: 'payload of new connections is read again',
  },
  [Step.sample]: {
    goes: 'of what established connections send, only that of one in eight is captured',
    comesBack: 'all of what established connections send is captured again',
  },
  [Step.established]: {
    goes: 'only what begins and ends connections is captured, and TLS handshakes',
    comesBack: 'of what established connections send, that of one in eight is captured again',
  },
};

/** What is observed, what can do less, and who hears of it. */
export interface LoadSheddingParts {
  readonly source: LiveSource;
  readonly processor: PacketProcessor;
  readonly emitter: Emitter;
  readonly log: {
    warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
    error(message: string): void;
  };
  /** `pcapFilter`: the capture filter, which is attached. */
  readonly settings: SettingsView<{ readonly pcapFilter: string }>;
}

/** Sees whether a session keeps up with its capture, has it do less where it does not, and casts doubt on that time. */
export class LoadShedding {
  readonly #parts: LoadSheddingParts;
  readonly #ladder = new OverloadLadder();
  #filter: string;
  #lost = 0;
  #stepsUp = 0;
  #shedMs = 0;
  #turnMs = Number.NaN;

  constructor(parts: LoadSheddingParts) {
    this.#parts = parts;
    const { settings } = parts;
    this.#filter = settings.current.pcapFilter;
    settings.beforeChange(['pcapFilter'], ({ pcapFilter }) => this.#tryFilter(pcapFilter));
  }

  /** What was shed up to now: the step of this moment, how often it went up, and for how long anything was shed. */
  counters(): Readonly<Record<string, number>> {
    const { processor } = this.#parts;
    const shedSeconds = Math.round(this.#shedMs / 1000);
    return { step: this.#ladder.step, stepsUp: this.#stepsUp, shedSeconds, unkeptPackets: processor.unkept };
  }

  /** What is left out at this moment. */
  get step(): Step {
    return this.#ladder.step;
  }

  /** Whether packets were lost, or left out, up to now. */
  get hasLost(): boolean {
    return this.#lost > 0 || this.#stepsUp > 0;
  }

  /** To be called before packets are read, and now and then when none come. */
  turn(): void {
    const { source, emitter } = this.#parts;
    const { kernelDrops, agentDrops } = source.counters();
    const lost = Math.max(0, kernelDrops) + agentDrops;
    const isLosing = lost > this.#lost;
    this.#lost = lost;
    if (isLosing && this.#ladder.step < Step.payload) emitter.noteLoss(Date.now() * 1000);
    const nowMs = performance.now();
    if (this.#ladder.step > Step.none) this.#shedMs += nowMs - this.#turnMs;
    this.#turnMs = nowMs;
    const taken = this.#ladder.note({ isLosing, backlogLevel: source.backlogLevel() }, nowMs);
    if (taken !== null) this.#take(taken);
  }

  /** Attaches another capture filter. False, with nothing changed, when that cannot be done, or only by a new capture. */
  #tryFilter(filter: string): boolean {
    try {
      return this.#setFilter(filter);
    } catch (error) {
      const { message } = error as Error;
      this.#parts.log.error(`Cannot change the capture filter while the capture goes on: ${message}`);
      return false;
    }
  }

  /** Throws what compiling and attaching throw. */
  #setFilter(filter: string): boolean {
    if (!this.#parts.source.setFilter(filter, establishedAt(this.#ladder.step))) return false;
    this.#filter = filter;
    return true;
  }

  #take({ step, isUp, afterMs }: StepTaken): void {
    const { source, processor, emitter, log } = this.#parts;
    if (isUp) this.#stepsUp++;
    processor.isKeeping = step < Step.history;
    source.usesStore = step < Step.history;
    processor.conversations.isPaused = step >= Step.payload;
    // Packets may come while those before them are read: until payload is read again, the doubt has no end.
    if (isUp && step === Step.payload) emitter.noteLoss(Number.POSITIVE_INFINITY);
    if (!isUp && step === Step.history) emitter.noteLoss(Date.now() * 1000);
    const changed = SHED[(isUp ? step : step + 1) as Exclude<Step, 0>];
    const seconds = (afterMs / 1000).toFixed(1);
    const message = isUp
      ? `overloaded for ${seconds} s: ${changed.goes}`
      : `no longer overloaded for ${seconds} s: ${changed.comesBack}`;
    log.warn(message, { step, lost: this.#lost });
    if (step >= Step.sample || (!isUp && step === Step.payload)) this.#attachAgain();
  }

  #attachAgain(): void {
    const { log } = this.#parts;
    try {
      if (!this.#setFilter(this.#filter)) log.warn('this capture cannot leave out established connections');
    } catch (error) {
      log.error(`Cannot change how much of established connections is captured: ${(error as Error).message}`);
    }
  }
}

function establishedAt(step: Step): Established {
  if (step < Step.sample) return 'all';
  return step === Step.sample ? 'sample' : 'none';
}
