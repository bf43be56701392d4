import { type Captured, factsOf } from './captured.ts';

/** What a perturbation itself makes true, as far as a capture can tell. Everything else that is new is a false statement. */
export const EXCUSES = {
  /**
   * The last packet of a connection (a RST, a FIN that nobody acknowledges) was not captured: then the connection
   * rests, and a side owes what it owed before. No more than that: what was sent and not acknowledged would be sent
   * again if the acknowledgment were missing on the wire.
   */
  'last word missing': /^(event 0000[78] \d? ?tcp\.stale\.(idle|answer-owed|one-way) |event 00022 \d tcp\.half-closed\.not-closing )/,
  /** The client did repeat its SYN; only why it had no answer was not captured. */
  'SYN repeated': /^event (00001|00006 0) tcp\.syn\.(no-answer|lost|accept-queue) /,
} as const;

export type Excuse = keyof typeof EXCUSES;

/** What was not captured of an exchange, and whether anything of the same connection was captured after it. */
export class Missing {
  readonly #lastWords = new Set<string>();

  constructor(frames: readonly Captured[], perturbed: readonly Captured[]) {
    const left = new Map<string, number>();
    const lastAt = new Map<string, number>();
    for (const frame of perturbed) {
      const key = keyOf(frame);
      left.set(key, (left.get(key) ?? 0) + 1);
    }
    frames.forEach((frame, i) => {
      if (left.has(keyOf(frame))) lastAt.set(factsOf(frame).connection, i);
    });
    frames.forEach((frame, i) => {
      const { connection } = factsOf(frame);
      if (!left.has(keyOf(frame)) && i > (lastAt.get(connection) ?? -1)) this.#lastWords.add(connection);
    });
  }

  /** Whether the last packet of some connection is missing. */
  get hasLastWord(): boolean {
    return this.#lastWords.size > 0;
  }
}

function keyOf(frame: Captured): string {
  const { source, tcpAt, ipVersion, flags, payloadBytes, connection } = factsOf(frame);
  if (ipVersion === 0) return `${connection} ${frame.wireLengthBytes} ${frame.timeUs}`;
  const view = Buffer.from(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.length);
  return `${source} ${connection} ${view.readUInt32BE(tcpAt + 4)} ${view.readUInt32BE(tcpAt + 8)} ${flags} ${payloadBytes}`;
}
