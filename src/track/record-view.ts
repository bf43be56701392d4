import { Side } from '../model/connection.ts';
import type { ConnectionTable } from './connection-table.ts';
import { isAnswerWhole, isMessageOpen, sentUpTo } from './dialogues.ts';
import {
  ASKED,
  ASKED_AT_FIN,
  DECLINED,
  DIALOGUE,
  FIN_AT,
  FIN_SENT,
  FIRST_FIN_SHIFT,
  FLAGS,
  FOREIGN_SEEN,
  FRAMED,
  GAVE_UP,
  GOODBYE_BY_INITIATOR,
  HOP_LIMITS,
  HUNG_UP,
  KEEP_ALIVES,
  LAST_SPEAKER_SHIFT,
  LATE_REQUEST,
  MESSAGE_END,
  NO_ANSWER_EMITTED,
  OLDER_ANSWER,
  OPAQUE,
  REPEATS,
  RESET_BY_INITIATOR,
  REST_AT,
  RST_NUMBERED,
  SEGMENT_SIZES,
  STATE,
  TIMES_PER_RECORD,
  WAITED_MS,
  WORDS_PER_RECORD,
} from './record.ts';

/**
 * One record of the table, by name: what is known of questions and answers, of closing, and of what is out of the
 * ordinary. One object is moved from record to record, so it is only valid during the call it was handed to.
 */
export class RecordView {
  protected readonly table: ConnectionTable;
  /** Positions of the record in words and in doubles. */
  protected word = 0;
  protected time = 0;
  slot = 0;

  constructor(table: ConnectionTable) {
    this.table = table;
  }

  /** Moves on to the record of `slot`. */
  at(slot: number): this {
    this.slot = slot;
    this.word = slot * WORDS_PER_RECORD;
    this.time = slot * TIMES_PER_RECORD;
    return this;
  }

  /** Whether the initiator asked for something that has no answer yet, as far as its protocol is understood. */
  get asked(): boolean {
    return this.flag(ASKED);
  }

  /** Whether it carries HTTP/2, of which a client may end what it does not want to the end. */
  get isFramed(): boolean {
    return (this.state & FRAMED) !== 0;
  }

  /** False when it is certain that nothing lacks an answer: most connections, at the cost of one look. */
  get mayLackAnswer(): boolean {
    if (this.flag(ASKED | GAVE_UP | HUNG_UP | LATE_REQUEST | DECLINED)) return true;
    return this.lastSpeaker === Side.initiator || this.isMessageOpen(Side.responder);
  }

  /** The side that moved the last new byte. */
  get lastSpeaker(): Side {
    return ((this.state >>> LAST_SPEAKER_SHIFT) & 1) as Side;
  }

  /** Whether what the initiator sends is encrypted, so that it may not ask for anything. */
  get isOpaque(): boolean {
    return this.flag(OPAQUE);
  }

  /** Notes that TLS is spoken from here on: its records are followed. */
  followRecords(): void {
    this.setBits(DIALOGUE, DIALOGUE);
    this.setFlag(OPAQUE);
  }

  /** Whether the responder declined to speak TLS, and the initiator has said nothing since. */
  get declined(): boolean {
    const words = this.table.words;
    return this.flag(DECLINED) && words[this.word + MESSAGE_END] === sentUpTo(words, this.word, Side.initiator);
  }

  /** Notes that the responder declined to speak TLS. */
  noteDeclined(): void {
    const words = this.table.words;
    words[this.word + MESSAGE_END] = sentUpTo(words, this.word, Side.initiator);
    this.setFlag(DECLINED);
  }

  /** Whether the initiator said goodbye by an encrypted TLS alert. */
  get saidGoodbye(): boolean {
    return this.flag(GOODBYE_BY_INITIATOR);
  }

  /** Notes that the initiator said goodbye by an encrypted TLS alert. */
  noteGoodbye(): void {
    this.setFlag(GOODBYE_BY_INITIATOR);
  }

  /** Whether the initiator was the first to close, while it waited for bytes of the responder. */
  get gaveUp(): boolean {
    return this.flag(GAVE_UP);
  }

  /** Whether it had asked for something when it closed. */
  get askedAtFin(): boolean {
    return this.flag(ASKED_AT_FIN);
  }

  /** Whether 00021 was due before the connection ended. */
  get isNoAnswerTold(): boolean {
    return this.flag(NO_ANSWER_EMITTED);
  }

  /** Whether a RST of the initiator ended it, whatever came before that. */
  get isResetByInitiator(): boolean {
    return this.flag(RESET_BY_INITIATOR);
  }

  /** The hop limit that the RST came with; 0 without one. */
  get resetHopLimit(): number {
    return (this.table.words[this.word + HOP_LIMITS] >>> 16) & 0xff;
  }

  /** Whether the responder was the first to close, though the initiator had spoken last. */
  get hungUp(): boolean {
    return this.flag(HUNG_UP);
  }

  /** Whether the initiator sent new bytes after the responder's FIN. */
  get isLateRequest(): boolean {
    return this.flag(LATE_REQUEST);
  }

  /** Whether its SYN was answered by an ACK of an older connection. */
  get isAnsweredByOlder(): boolean {
    return this.flag(OLDER_ANSWER);
  }

  /** Whether its packets came from an address that was not asked. */
  get hasForeignPackets(): boolean {
    return this.flag(FOREIGN_SEEN);
  }

  /** Notes that its packets came from an address that was not asked. */
  noteForeignPackets(): void {
    this.setFlag(FOREIGN_SEEN);
  }

  /** Whether the responder's last message came to its end, as far as it is known where that is. */
  get isAnswerWhole(): boolean {
    return isAnswerWhole(this.table.words, this.word);
  }

  /** Whether a side stopped in the middle of a message, as far as it is known where that ends. */
  isMessageOpen(side: Side): boolean {
    return isMessageOpen(this.table.words, this.word, side);
  }

  /** The side whose FIN came first; -1 when none did. */
  get firstFin(): Side | -1 {
    return (this.state & (FIN_SENT * 3)) !== 0 ? (((this.state >>> FIRST_FIN_SHIFT) & 1) as Side) : -1;
  }

  /** Whether a side has sent FIN. */
  finished(side: Side): boolean {
    return (this.state & (FIN_SENT << side)) !== 0;
  }

  /** When the first FIN came; only to be read where one did. */
  get firstFinUs(): number {
    return this.table.times[this.time + FIN_AT];
  }

  /** From the last new byte to the first FIN, in milliseconds; only to be read where one came. */
  get waitedMs(): number {
    return this.table.words[this.word + WAITED_MS];
  }

  /** How long nothing had moved before the side that spoke last began to, in milliseconds. */
  get restMs(): number {
    return Math.max(0, Math.round(this.table.times[this.time + REST_AT] / 1000));
  }

  /** Keep-alive probes of a side that have no answer. */
  unansweredKeepAlives(side: Side): number {
    return (this.table.words[this.word + KEEP_ALIVES] >>> (side * 16)) & 0xffff;
  }

  /** Whether the RST that answered the SYN had a sequence number, as if there had been a SYN-ACK before. */
  get isResetNumbered(): boolean {
    return (this.table.words[this.word + HOP_LIMITS] & RST_NUMBERED) !== 0;
  }

  /** Whether a side sent again what the other has not acknowledged. */
  hasRepeated(side: Side): boolean {
    return ((this.table.words[this.word + REPEATS] >>> (side * 16)) & 0xff) > 0;
  }

  /** The hop limit that a side's first packet came with; 0 unknown. */
  hopLimit(side: Side): number {
    return (this.table.words[this.word + HOP_LIMITS] >>> (side * 8)) & 0xff;
  }

  /** The maximum segment size that a side's SYN named; 0 unknown. */
  segmentSize(side: Side): number {
    return (this.table.words[this.word + SEGMENT_SIZES] >>> (side * 16)) & 0xffff;
  }

  protected get state(): number {
    return this.table.words[this.word + STATE];
  }

  protected setBits(mask: number, bits: number): void {
    const words = this.table.words;
    words[this.word + STATE] = (words[this.word + STATE] & ~mask) | bits;
  }

  protected flag(flag: number): boolean {
    return (this.table.words[this.word + FLAGS] & flag) !== 0;
  }

  protected setFlag(flag: number): void {
    this.table.words[this.word + FLAGS] |= flag;
  }
}
