import { type Connection, type ConnectionType, type EndType, type PodSide, Side } from '../model/connection.ts';
import { type EventCode, FAILURE_CODES } from '../model/event-code.ts';
import { type ProcessIdentity, UNKNOWN_PROCESS } from '../model/process.ts';
import { Phase } from './phase.ts';
import { QualityView } from './quality-view.ts';
import {
  ACKED,
  BEGIN_AT,
  CONNECTION_TYPE_SHIFT,
  END_AT,
  END_TYPE_SHIFT,
  ENDED_BY_SHIFT,
  ESTABLISHED_AT,
  FAILURE_MASK,
  FATAL_ALERT,
  FIN_SENT,
  FIRST_BYTE_AT,
  FLAGS,
  HOP_LIMITS,
  INITIATOR_ADDRESS,
  IPV6,
  ISN,
  LAST_PROGRESS_AT,
  MIDSTREAM,
  MISSING,
  NEXT_SEQUENCE,
  PHASE_MASK,
  POD_SIDE_SHIFT,
  PORTS,
  READ_AGAIN,
  READING,
  RESPONDER_ADDRESS,
  RESUMED,
  SEEN,
  SERIAL_AT,
  SIDE_TIMES,
  SIDE_WORDS,
  SILENCED,
  SPOKE,
  SPOKE_AHEAD,
  STREAM_BYTES_AT,
  SYN_ACK_AT,
  SYN_REPEATS,
  TLS_DONE_AT,
  WINDOW,
} from './record.ts';

/**
 * A window onto one record of the table, for everything that is not done for every packet: detectors and outputs read
 * a connection through it. One object is moved from record to record (`at`), so it is only valid during the call it
 * was handed to.
 */
export class TrackedConnection extends QualityView implements Connection {
  /** Set by who resolves processes, before the connection is shown to anybody. */
  process: ProcessIdentity = UNKNOWN_PROCESS;
  /** Set by who knows of lost packets, before the connection is shown to anybody. */
  lossMeanwhile = false;

  /** Another window onto the same table, at the same record. */
  another(): TrackedConnection {
    return new TrackedConnection(this.table).at(this.slot);
  }

  /** Number of the connection since the table was made: slots are used again, serials are not. */
  get serial(): number {
    return this.table.times[this.time + SERIAL_AT];
  }

  get ipVersion(): number {
    return (this.state & IPV6) !== 0 ? 6 : 4;
  }

  get initiatorPort(): number {
    return this.table.words[this.word + PORTS] >>> 16;
  }

  get responderPort(): number {
    return this.table.words[this.word + PORTS] & 0xffff;
  }

  get beginUs(): number {
    return this.table.times[this.time + BEGIN_AT];
  }

  get endUs(): number {
    return this.closed ? this.table.times[this.time + END_AT] : Number.NaN;
  }

  /** When a new byte last moved in either direction. */
  get lastProgressUs(): number {
    return this.table.times[this.time + LAST_PROGRESS_AT];
  }

  get synAckLatencyUs(): number {
    return this.#since(this.beginUs, SYN_ACK_AT);
  }

  get ackLatencyUs(): number {
    const synAckUs = this.table.times[this.time + SYN_ACK_AT];
    return synAckUs === 0 ? 0 : this.#since(synAckUs, ESTABLISHED_AT);
  }

  get tlsLatencyUs(): number {
    return this.#since(this.beginUs, TLS_DONE_AT);
  }

  get firstByteLatencyUs(): number {
    return this.isBeginKnown(Side.responder) ? Math.max(0, this.table.times[this.time + FIRST_BYTE_AT]) : 0;
  }

  get initiatorBytes(): number {
    return this.table.times[this.time + STREAM_BYTES_AT];
  }

  get responderBytes(): number {
    return this.table.times[this.time + STREAM_BYTES_AT + SIDE_TIMES];
  }

  get connectionType(): ConnectionType {
    return ((this.state >>> CONNECTION_TYPE_SHIFT) & 3) as ConnectionType;
  }

  set connectionType(type: ConnectionType) {
    this.setBits(3 << CONNECTION_TYPE_SHIFT, type << CONNECTION_TYPE_SHIFT);
  }

  get endType(): EndType {
    return ((this.state >>> END_TYPE_SHIFT) & 7) as EndType;
  }

  get endedBy(): Side {
    return ((this.state >>> ENDED_BY_SHIFT) & 1) as Side;
  }

  get podSide(): PodSide {
    return ((this.state >>> POD_SIDE_SHIFT) & 3) as PodSide;
  }

  /** Says which end the pod is, where the packets' direction did not tell. */
  set podSide(side: PodSide) {
    this.setBits(3 << POD_SIDE_SHIFT, side << POD_SIDE_SHIFT);
  }

  /** True when it began before the capture: not one that was let go as stale and went on. */
  get midstream(): boolean {
    return (this.state & MIDSTREAM) !== 0;
  }

  /** True when it was let go as stale before, and went on. */
  get isResumed(): boolean {
    return (this.table.words[this.word + FLAGS] & RESUMED) !== 0;
  }

  /** True when an established connection showed packets of one side only. */
  get oneWay(): boolean {
    if (this.seen(Side.initiator) && this.seen(Side.responder)) return false;
    if (this.midstream || this.isResumed) return true;
    return this.table.times[this.time + ESTABLISHED_AT] !== 0; // else its SYN was not answered
  }

  /** True when bytes were sent that the capture did not see, though it sees both directions. */
  get hasGap(): boolean {
    const words = this.table.words;
    const spokeAhead = words[this.word + HOP_LIMITS] & (SPOKE_AHEAD * 3);
    return (words[this.word + MISSING] | words[this.word + MISSING + 1] | spokeAhead) !== 0;
  }

  get certain(): boolean {
    return !this.midstream && !this.oneWay && !this.hasGap && !this.lossMeanwhile;
  }

  get failure(): EventCode | '' {
    return FAILURE_CODES[this.table.words[this.word + FLAGS] & FAILURE_MASK] ?? '';
  }

  /** Notes the kind of trouble it had. */
  set failure(code: EventCode) {
    const words = this.table.words;
    words[this.word + FLAGS] = (words[this.word + FLAGS] & ~FAILURE_MASK) | Number(code);
  }

  get phase(): Phase {
    return (this.state & PHASE_MASK) as Phase;
  }

  get closed(): boolean {
    return this.phase >= Phase.closed;
  }

  /** How often the initiator repeated its SYN before an answer. */
  get synRepeats(): number {
    return this.table.words[this.word + SYN_REPEATS] & 0xffff;
  }

  /** How often the responder repeated its SYN-ACK. */
  get synAckRepeats(): number {
    return this.table.words[this.word + SYN_REPEATS] >>> 16;
  }

  get finSeen(): boolean {
    return (this.state & (FIN_SENT * 3)) !== 0;
  }

  get fatalAlertSeen(): boolean {
    return (this.state & (FATAL_ALERT * 3)) !== 0;
  }

  /** Notes who sent a fatal TLS alert. */
  set fatalAlertBy(side: Side) {
    this.setBits(FATAL_ALERT * 3, FATAL_ALERT << side);
  }

  /** Notes when the TLS handshake was complete. */
  set tlsDoneUs(timeUs: number) {
    this.table.times[this.time + TLS_DONE_AT] = timeUs;
  }

  /** Whether somebody reads its payload. */
  get reading(): boolean {
    return (this.state & READING) !== 0;
  }

  set reading(reading: boolean) {
    this.setBits(READING, reading ? READING : 0);
  }

  /** Whether it is read again, though bytes of it were passed over. */
  get isReadAgain(): boolean {
    return (this.state & READ_AGAIN) !== 0;
  }

  /** Lets its payload be read from its next packet on, as a search begins in the middle of it. */
  readAgain(): void {
    this.setBits(READING | READ_AGAIN, READING | READ_AGAIN);
  }

  /** Whether nobody wants to hear of it: no events, no pcap. */
  get silenced(): boolean {
    return (this.state & SILENCED) !== 0;
  }

  set silenced(silenced: boolean) {
    this.setBits(SILENCED, silenced ? SILENCED : 0);
  }

  /** Whether the SYN of that side was seen. */
  isBeginKnown(side: Side): boolean {
    if (this.midstream || this.isResumed) return false;
    return side === Side.initiator || this.table.times[this.time + SYN_ACK_AT] !== 0;
  }

  /** The initial sequence number of a side whose SYN was seen. */
  initialSequence(side: Side): number {
    return this.table.words[this.word + ISN + side];
  }

  /** Whether packets of that side were seen. */
  seen(side: Side): boolean {
    return (this.state & (SEEN << side)) !== 0;
  }

  /** Whether that side has sent payload. */
  spoke(side: Side): boolean {
    return (this.state & (SPOKE << side)) !== 0;
  }

  /** Bytes that side sent and the other has not acknowledged; 0 when the other was never seen. */
  unacknowledgedBytes(side: Side): number {
    const other = (1 - side) as Side;
    if (!this.seen(other) || !this.seen(side)) return 0;
    const words = this.table.words;
    const sent = words[this.word + NEXT_SEQUENCE + SIDE_WORDS * side];
    return Math.max(0, (sent - words[this.word + ACKED + SIDE_WORDS * other]) | 0);
  }

  /** Whether that side's last word was that it takes no more bytes. */
  windowClosed(side: Side): boolean {
    return this.seen(side) && this.table.words[this.word + WINDOW + SIDE_WORDS * side] === 0;
  }

  addressWord(side: Side, word: number): number {
    const address = side === Side.initiator ? INITIATOR_ADDRESS : RESPONDER_ADDRESS;
    return this.table.words[this.word + address + word] >>> 0;
  }

  /** Microseconds from `fromUs` to a recorded time; 0 when that was not recorded, or a clock was set back. */
  #since(fromUs: number, toAt: number): number {
    const toUs = this.table.times[this.time + toAt];
    return this.midstream || toUs === 0 ? 0 : Math.max(0, toUs - fromUs);
  }
}
