import { Side } from '../model/connection.ts';
import {
  ANSWERING,
  BEGIN_AT,
  CLOSED_MS,
  CLOSED_SINCE,
  END_AT,
  ESTABLISHED_AT,
  HTTP_ERRORS,
  LOSS_TOLD,
  LOSS_WORDS,
  MIDSTREAM,
  OUT_OF_ORDER,
  PHASE_CLOSED,
  PHASE_MASK,
  PROBED,
  QUALITY,
  QUALITY_WORDS,
  RESENT,
  RESENT_BYTES,
  RESENT_KINDS,
  RESUMED,
  ROUND_TRIP_US,
  SEGMENTS,
  SYN_ACK_AT,
  SYN_REPEATS,
  WINDOW_CLOSED,
  ZERO_WINDOW_MS,
  ZERO_WINDOW_TOLD,
} from './record.ts';
import { RecordView } from './record-view.ts';

/** What a record tells of loss, order, round trips, closed windows and failing answers. */
export class QualityView extends RecordView {
  /** Segments with new payload that a side sent. */
  segments(side: Side): number {
    return this.table.words[this.word + QUALITY_WORDS * side + SEGMENTS];
  }

  /** Segments with payload that a side sent again, and their bytes. */
  retransmitted(side: Side): number {
    return this.#loss(side, RESENT);
  }

  retransmittedBytes(side: Side): number {
    return this.#loss(side, RESENT_BYTES);
  }

  /** Of those, segments that the capture had not seen before. */
  lostBefore(side: Side): number {
    return this.#loss(side, RESENT_KINDS) & 0xffff;
  }

  /** Of those, segments that the other side had already. */
  needlesslyRetransmitted(side: Side): number {
    return this.#loss(side, RESENT_KINDS) >>> 16;
  }

  /** Segments of a side that came behind later ones. */
  outOfOrder(side: Side): number {
    return this.#loss(side, OUT_OF_ORDER);
  }

  /**
   * Shortest round trip between the capture and a side, in microseconds: from a segment that the other side sent once,
   * its SYN included, to its acknowledgment. 0 when none was seen.
   */
  roundTripUs(side: Side): number {
    const measured = this.table.words[this.word + QUALITY_WORDS * (1 - side) + ROUND_TRIP_US];
    const ofHandshake = this.#handshakeUs(side);
    return measured > 0 && ofHandshake > 0 ? Math.min(measured, ofHandshake) : measured + ofHandshake;
  }

  /** How long the window of a side was closed, in milliseconds. */
  zeroWindowMs(side: Side): number {
    return this.#loss(side, ZERO_WINDOW_MS) + this.closedMs(side);
  }

  /** How long the window of a side has been closed this time, in milliseconds; 0 when it is open. */
  closedMs(side: Side): number {
    const { words, times } = this.table;
    if ((words[this.word + QUALITY] & (WINDOW_CLOSED << side)) === 0) return 0;
    const counted = words[this.word + CLOSED_MS + side];
    if ((this.state & PHASE_MASK) < PHASE_CLOSED) return counted;
    const restUs = ((times[this.time + END_AT] | 0) - this.#loss(side, CLOSED_SINCE)) | 0;
    return counted + Math.max(0, Math.trunc(restUs / 1000));
  }

  /** Whether 00017 was told of the present closing of a side's window. */
  isZeroWindowTold(side: Side): boolean {
    return this.#isSet(ZERO_WINDOW_TOLD << side);
  }

  /** Whether the other side has probed the closed window of a side. */
  isProbed(side: Side): boolean {
    return this.#isSet(PROBED << side);
  }

  noteZeroWindowTold(side: Side): void {
    this.table.words[this.word + QUALITY] |= ZERO_WINDOW_TOLD << side;
  }

  /** Whether 00016 was told of a side's segments. */
  isLossTold(side: Side): boolean {
    return this.#isSet(LOSS_TOLD << side);
  }

  noteLossTold(side: Side): void {
    this.table.words[this.word + QUALITY] |= LOSS_TOLD << side;
  }

  /** Answers that were errors of the server: HTTP 5xx, gRPC. */
  get httpErrors(): number {
    return this.table.words[this.word + HTTP_ERRORS];
  }

  /** Notes an answer that was an error of the server. */
  noteHttpError(): void {
    this.table.words[this.word + HTTP_ERRORS]++;
  }

  /** Number of the service whose answers it has, as whoever counts them has it; 0 none yet. */
  get answering(): number {
    return this.table.words[this.word + ANSWERING];
  }

  set answering(service: number) {
    this.table.words[this.word + ANSWERING] = service;
  }

  /** The round trip of the handshake's segment that a side acknowledged, if that was sent once. */
  #handshakeUs(side: Side): number {
    const { words, times } = this.table;
    if ((this.state & MIDSTREAM) !== 0 || this.flag(RESUMED)) return 0;
    const synAckUs = times[this.time + SYN_ACK_AT];
    const repeats = words[this.word + SYN_REPEATS];
    if (synAckUs === 0 || repeats !== 0) return 0;
    if (side === Side.responder) return Math.max(0, synAckUs - times[this.time + BEGIN_AT]);
    const establishedUs = times[this.time + ESTABLISHED_AT];
    return establishedUs === 0 ? 0 : Math.max(0, establishedUs - synAckUs);
  }

  #loss(side: Side, at: number): number {
    return this.table.words[this.word + LOSS_WORDS * side + at];
  }

  #isSet(bit: number): boolean {
    return (this.table.words[this.word + QUALITY] & bit) !== 0;
  }
}
