import { type Connection, type ConnectionType, type EndType, type PodSide, Side } from '../model/connection.ts';
import { type EventCode, FAILURE_CODES } from '../model/event-code.ts';
import { type ProcessIdentity, UNKNOWN_PROCESS } from '../model/process.ts';
import type { ConnectionTable } from './connection-table.ts';
import { isMessageOpen, sentUpTo } from './dialogues.ts';
import { Phase } from './phase.ts';
import {
  ACKED,
  ASKED,
  ASKED_AT_FIN,
  BEGIN_AT,
  CONNECTION_TYPE_SHIFT,
  DECLINED,
  DIALOGUE,
  END_AT,
  END_TYPE_SHIFT,
  ENDED_BY_SHIFT,
  ESTABLISHED_AT,
  FAILURE_MASK,
  FATAL_ALERT,
  FIN_AT,
  FIN_SENT,
  FIRST_BYTE_AT,
  FIRST_FIN_SHIFT,
  FLAGS,
  FOREIGN_SEEN,
  GAVE_UP,
  GOODBYE_BY_INITIATOR,
  HOP_LIMITS,
  HUNG_UP,
  INITIATOR_ADDRESS,
  IPV6,
  ISN,
  KEEP_ALIVES,
  LAST_PROGRESS_AT,
  LAST_SPEAKER_SHIFT,
  LATE_REQUEST,
  MESSAGE_END,
  MIDSTREAM,
  MISSING,
  NEXT_SEQUENCE,
  NO_ANSWER_TOLD,
  OLDER_ANSWER,
  OPAQUE,
  PHASE_MASK,
  POD_SIDE_SHIFT,
  PORTS,
  READ_AGAIN,
  READING,
  RESET_BY_INITIATOR,
  RESPONDER_ADDRESS,
  REST_AT,
  RESUMED,
  SEEN,
  SEGMENT_SIZES,
  SERIAL_AT,
  SIDE_TIMES,
  SIDE_WORDS,
  SILENCED,
  SPOKE,
  STATE,
  STREAM_BYTES_AT,
  SYN_ACK_AT,
  SYN_REPEATS,
  TIMES_PER_RECORD,
  TLS_DONE_AT,
  WAITED_MS,
  WINDOW,
  WORDS_PER_RECORD,
} from './record.ts';

/**
 * A window onto one record of the table, for everything that is not done for every packet: detectors and outputs read
 * a connection through it. One object is moved from record to record (`at`), so it is only valid during the call it
 * was handed to.
 */
export class TrackedConnection implements Connection {
  readonly #table: ConnectionTable;
  #word = 0;
  #time = 0;
  slot = 0;
  /** Set by who resolves processes, before the connection is shown to anybody. */
  process: ProcessIdentity = UNKNOWN_PROCESS;
  /** Set by who knows of lost packets, before the connection is shown to anybody. */
  lossMeanwhile = false;

  constructor(table: ConnectionTable) {
    this.#table = table;
  }

  /** Moves the window to the record of `slot`. */
  at(slot: number): this {
    this.slot = slot;
    this.#word = slot * WORDS_PER_RECORD;
    this.#time = slot * TIMES_PER_RECORD;
    return this;
  }

  /** Another window onto the same table, at the same record. */
  another(): TrackedConnection {
    return new TrackedConnection(this.#table).at(this.slot);
  }

  /** Number of the connection since the table was made: slots are used again, serials are not. */
  get serial(): number {
    return this.#table.times[this.#time + SERIAL_AT];
  }

  get ipVersion(): number {
    return (this.#state & IPV6) !== 0 ? 6 : 4;
  }

  get initiatorPort(): number {
    return this.#table.words[this.#word + PORTS] >>> 16;
  }

  get responderPort(): number {
    return this.#table.words[this.#word + PORTS] & 0xffff;
  }

  get beginUs(): number {
    return this.#table.times[this.#time + BEGIN_AT];
  }

  get endUs(): number {
    return this.closed ? this.#table.times[this.#time + END_AT] : Number.NaN;
  }

  /** When a new byte last moved in either direction. */
  get lastProgressUs(): number {
    return this.#table.times[this.#time + LAST_PROGRESS_AT];
  }

  get synAckLatencyUs(): number {
    return this.#since(this.beginUs, SYN_ACK_AT);
  }

  get ackLatencyUs(): number {
    const synAckUs = this.#table.times[this.#time + SYN_ACK_AT];
    return synAckUs === 0 ? 0 : this.#since(synAckUs, ESTABLISHED_AT);
  }

  get tlsLatencyUs(): number {
    return this.#since(this.beginUs, TLS_DONE_AT);
  }

  get firstByteLatencyUs(): number {
    return this.isBeginKnown(Side.responder) ? Math.max(0, this.#table.times[this.#time + FIRST_BYTE_AT]) : 0;
  }

  get initiatorBytes(): number {
    return this.#table.times[this.#time + STREAM_BYTES_AT];
  }

  get responderBytes(): number {
    return this.#table.times[this.#time + STREAM_BYTES_AT + SIDE_TIMES];
  }

  get connectionType(): ConnectionType {
    return ((this.#state >>> CONNECTION_TYPE_SHIFT) & 3) as ConnectionType;
  }

  set connectionType(type: ConnectionType) {
    this.#setBits(3 << CONNECTION_TYPE_SHIFT, type << CONNECTION_TYPE_SHIFT);
  }

  get endType(): EndType {
    return ((this.#state >>> END_TYPE_SHIFT) & 7) as EndType;
  }

  get endedBy(): Side {
    return ((this.#state >>> ENDED_BY_SHIFT) & 1) as Side;
  }

  get podSide(): PodSide {
    return ((this.#state >>> POD_SIDE_SHIFT) & 3) as PodSide;
  }

  /** Says which end the pod is, where the packets' direction did not tell. */
  set podSide(side: PodSide) {
    this.#setBits(3 << POD_SIDE_SHIFT, side << POD_SIDE_SHIFT);
  }

  /** True when it began before the capture: not one that was let go as stale and went on. */
  get midstream(): boolean {
    return (this.#state & MIDSTREAM) !== 0;
  }

  /** True when it was let go as stale before, and went on. */
  get isResumed(): boolean {
    return (this.#table.words[this.#word + FLAGS] & RESUMED) !== 0;
  }

  /** True when an established connection showed packets of one side only. */
  get oneWay(): boolean {
    if (this.seen(Side.initiator) && this.seen(Side.responder)) return false;
    if (this.midstream || this.isResumed) return true;
    return this.#table.times[this.#time + ESTABLISHED_AT] !== 0; // else its SYN was not answered
  }

  /** True when bytes were sent that the capture did not see, though it sees both directions. */
  get hasGap(): boolean {
    const words = this.#table.words;
    return (words[this.#word + MISSING] | words[this.#word + MISSING + 1]) !== 0;
  }

  get certain(): boolean {
    return !this.midstream && !this.oneWay && !this.hasGap && !this.lossMeanwhile;
  }

  get failure(): EventCode | '' {
    return FAILURE_CODES[this.#table.words[this.#word + FLAGS] & FAILURE_MASK] ?? '';
  }

  /** Notes the kind of trouble it had. */
  set failure(code: EventCode) {
    const words = this.#table.words;
    words[this.#word + FLAGS] = (words[this.#word + FLAGS] & ~FAILURE_MASK) | Number(code);
  }

  get phase(): Phase {
    return (this.#state & PHASE_MASK) as Phase;
  }

  get closed(): boolean {
    return this.phase >= Phase.closed;
  }

  /** How often the initiator repeated its SYN before an answer. */
  get synRepeats(): number {
    return this.#table.words[this.#word + SYN_REPEATS];
  }

  get finSeen(): boolean {
    return (this.#state & (FIN_SENT * 3)) !== 0;
  }

  get fatalAlertSeen(): boolean {
    return (this.#state & (FATAL_ALERT * 3)) !== 0;
  }

  /** Notes who sent a fatal TLS alert. */
  set fatalAlertBy(side: Side) {
    this.#setBits(FATAL_ALERT * 3, FATAL_ALERT << side);
  }

  /** Notes when the TLS handshake was complete. */
  set tlsDoneUs(timeUs: number) {
    this.#table.times[this.#time + TLS_DONE_AT] = timeUs;
  }

  /** Whether somebody reads its payload. */
  get reading(): boolean {
    return (this.#state & READING) !== 0;
  }

  set reading(reading: boolean) {
    this.#setBits(READING, reading ? READING : 0);
  }

  /** Whether it is read again, though bytes of it were passed over. */
  get isReadAgain(): boolean {
    return (this.#state & READ_AGAIN) !== 0;
  }

  /** Lets its payload be read from its next packet on, as a search begins in the middle of it. */
  readAgain(): void {
    this.#setBits(READING | READ_AGAIN, READING | READ_AGAIN);
  }

  /** Whether nobody wants to hear of it: no events, no pcap. */
  get silenced(): boolean {
    return (this.#state & SILENCED) !== 0;
  }

  set silenced(silenced: boolean) {
    this.#setBits(SILENCED, silenced ? SILENCED : 0);
  }

  /** Whether the SYN of that side was seen. */
  isBeginKnown(side: Side): boolean {
    if (this.midstream || this.isResumed) return false;
    return side === Side.initiator || this.#table.times[this.#time + SYN_ACK_AT] !== 0;
  }

  /** The initial sequence number of a side whose SYN was seen. */
  initialSequence(side: Side): number {
    return this.#table.words[this.#word + ISN + side];
  }

  /** Whether packets of that side were seen. */
  seen(side: Side): boolean {
    return (this.#state & (SEEN << side)) !== 0;
  }

  /** Whether that side has sent payload. */
  spoke(side: Side): boolean {
    return (this.#state & (SPOKE << side)) !== 0;
  }

  /** The side that moved the last new byte. */
  get lastSpeaker(): Side {
    return ((this.#state >>> LAST_SPEAKER_SHIFT) & 1) as Side;
  }

  /** Bytes that side sent and the other has not acknowledged; 0 when the other was never seen. */
  unacknowledgedBytes(side: Side): number {
    const other = (1 - side) as Side;
    if (!this.seen(other) || !this.seen(side)) return 0;
    const words = this.#table.words;
    const sent = words[this.#word + NEXT_SEQUENCE + SIDE_WORDS * side];
    return Math.max(0, (sent - words[this.#word + ACKED + SIDE_WORDS * other]) | 0);
  }

  /** Whether that side's last word was that it takes no more bytes. */
  windowClosed(side: Side): boolean {
    return this.seen(side) && this.#table.words[this.#word + WINDOW + SIDE_WORDS * side] === 0;
  }

  /** Whether the initiator asked for something that has no answer yet, as far as its protocol is understood. */
  get asked(): boolean {
    return this.#flag(ASKED);
  }

  /** Whether what the initiator sends is encrypted, so that it may not ask for anything. */
  get isOpaque(): boolean {
    return this.#flag(OPAQUE);
  }

  /** Notes that TLS is spoken from here on: its records are followed. */
  followRecords(): void {
    this.#setBits(DIALOGUE, DIALOGUE);
    this.#setFlag(OPAQUE);
  }

  /** Whether the responder declined to speak TLS, and the initiator has said nothing since. */
  get declined(): boolean {
    const words = this.#table.words;
    return this.#flag(DECLINED) && words[this.#word + MESSAGE_END] === sentUpTo(words, this.#word, Side.initiator);
  }

  /** Notes that the responder declined to speak TLS. */
  noteDeclined(): void {
    const words = this.#table.words;
    words[this.#word + MESSAGE_END] = sentUpTo(words, this.#word, Side.initiator);
    this.#setFlag(DECLINED);
  }

  /** Whether the initiator said goodbye by an encrypted TLS alert. */
  get saidGoodbye(): boolean {
    return this.#flag(GOODBYE_BY_INITIATOR);
  }

  /** Notes that the initiator said goodbye by an encrypted TLS alert. */
  noteGoodbye(): void {
    this.#setFlag(GOODBYE_BY_INITIATOR);
  }

  /** Whether the initiator was the first to close, while it waited for bytes of the responder. */
  get gaveUp(): boolean {
    return this.#flag(GAVE_UP);
  }

  /** Whether it had asked for something when it closed. */
  get askedAtFin(): boolean {
    return this.#flag(ASKED_AT_FIN);
  }

  /** Whether 00021 was due before the connection ended. */
  get isNoAnswerTold(): boolean {
    return this.#flag(NO_ANSWER_TOLD);
  }

  /** Whether a RST of the initiator ended it, whatever came before that. */
  get isResetByInitiator(): boolean {
    return this.#flag(RESET_BY_INITIATOR);
  }

  /** The hop limit that the RST came with; 0 without one. */
  get resetHopLimit(): number {
    return (this.#table.words[this.#word + HOP_LIMITS] >>> 16) & 0xff;
  }

  /** Whether the responder was the first to close, though the initiator had spoken last. */
  get hungUp(): boolean {
    return this.#flag(HUNG_UP);
  }

  /** Whether the initiator sent new bytes after the responder's FIN. */
  get isLateRequest(): boolean {
    return this.#flag(LATE_REQUEST);
  }

  /** Whether its SYN was answered by an ACK of an older connection. */
  get isAnsweredByOlder(): boolean {
    return this.#flag(OLDER_ANSWER);
  }

  /** Whether its packets came from an address that was not asked. */
  get hasForeignPackets(): boolean {
    return this.#flag(FOREIGN_SEEN);
  }

  /** Notes that its packets came from an address that was not asked. */
  noteForeignPackets(): void {
    this.#setFlag(FOREIGN_SEEN);
  }

  /** Whether a side stopped in the middle of a message, as far as it is known where that ends. */
  isMessageOpen(side: Side): boolean {
    return isMessageOpen(this.#table.words, this.#word, side);
  }

  /** The side whose FIN came first; -1 when none did. */
  get firstFin(): Side | -1 {
    return this.finSeen ? (((this.#state >>> FIRST_FIN_SHIFT) & 1) as Side) : -1;
  }

  /** Whether a side has sent FIN. */
  finished(side: Side): boolean {
    return (this.#state & (FIN_SENT << side)) !== 0;
  }

  /** When the first FIN came; only to be read where one did. */
  get firstFinUs(): number {
    return this.#table.times[this.#time + FIN_AT];
  }

  /** From the last new byte to the first FIN, in milliseconds; only to be read where one came. */
  get waitedMs(): number {
    return this.#table.words[this.#word + WAITED_MS];
  }

  /** How long nothing had moved before the side that spoke last began to, in milliseconds. */
  get restMs(): number {
    return Math.max(0, Math.round(this.#table.times[this.#time + REST_AT] / 1000));
  }

  /** Keep-alive probes of a side that have no answer. */
  unansweredKeepAlives(side: Side): number {
    return (this.#table.words[this.#word + KEEP_ALIVES] >>> (side * 16)) & 0xffff;
  }

  /** The hop limit that a side's first packet came with; 0 unknown. */
  hopLimit(side: Side): number {
    return (this.#table.words[this.#word + HOP_LIMITS] >>> (side * 8)) & 0xff;
  }

  /** The maximum segment size that a side's SYN named; 0 unknown. */
  segmentSize(side: Side): number {
    return (this.#table.words[this.#word + SEGMENT_SIZES] >>> (side * 16)) & 0xffff;
  }

  addressWord(side: Side, word: number): number {
    const address = side === Side.initiator ? INITIATOR_ADDRESS : RESPONDER_ADDRESS;
    return this.#table.words[this.#word + address + word] >>> 0;
  }

  /** Microseconds from `fromUs` to a recorded time; 0 when that was not recorded, or a clock was set back. */
  #since(fromUs: number, toAt: number): number {
    const toUs = this.#table.times[this.#time + toAt];
    return this.midstream || toUs === 0 ? 0 : Math.max(0, toUs - fromUs);
  }

  #flag(flag: number): boolean {
    return (this.#table.words[this.#word + FLAGS] & flag) !== 0;
  }

  #setFlag(flag: number): void {
    this.#table.words[this.#word + FLAGS] |= flag;
  }

  #setBits(mask: number, bits: number): void {
    const words = this.#table.words;
    words[this.#word + STATE] = (words[this.#word + STATE] & ~mask) | bits;
  }

  get #state(): number {
    return this.#table.words[this.#word + STATE];
  }
}
