import { sequenceDiff } from '../model/sequence.ts';

/** The payload of one captured segment. */
export interface CapturedPayload {
  /** Where it goes in the stream; its zero is arbitrary. */
  readonly offset: number;
  /** Where it lies, and how much of it was captured. */
  readonly start: number;
  readonly bytes: number;
}

/** Bytes of a stream without a hole: payloads in the order of their offsets, which may overlap. */
export interface Run {
  readonly offset: number;
  readonly bytes: number;
  readonly payloads: readonly CapturedPayload[];
}

/** Puts the payloads of one direction of a connection where they belong, however they came. */
export class PayloadStream {
  readonly #payloads: CapturedPayload[] = [];
  #lastSequence = 0;
  #lastOffset = 0;
  #isFirst = true;
  #begin = Number.NaN;

  /** Offset of the very first byte of the stream; NaN when the capture began later. */
  get begin(): number {
    return this.#begin;
  }

  /** Takes in a segment; `start` is where its payload lies. */
  add(sequence: number, isSyn: boolean, start: number, bytes: number): void {
    if (bytes === 0 && !isSyn) return; // a reset may bear any number
    // near the segment before it, so that streams of more than 2^32 bytes do not fold
    const offset = this.#isFirst ? 0 : this.#lastOffset + sequenceDiff(sequence, this.#lastSequence);
    this.#isFirst = false;
    this.#lastSequence = sequence;
    this.#lastOffset = offset;
    const first = isSyn ? offset + 1 : offset; // the SYN takes one number, RFC 9293 §3.4
    if (isSyn) this.#begin = first;
    if (bytes > 0) this.#payloads.push({ offset: first, start, bytes });
  }

  /** The stream in runs, ascending; between them something is missing. */
  runs(): Run[] {
    const sorted = this.#payloads.sort((a, b) => a.offset - b.offset);
    const runs: Run[] = [];
    for (let i = 0; i < sorted.length; ) {
      const first = i;
      const { offset } = sorted[first];
      let end = offset;
      for (; i < sorted.length && (i === first || sorted[i].offset <= end); i++) {
        end = Math.max(end, sorted[i].offset + sorted[i].bytes);
      }
      runs.push({ offset, bytes: end - offset, payloads: sorted.slice(first, i) });
    }
    return runs;
  }
}
