import { formatIpv4, formatIpv6 } from '../model/address.ts';
import type { Side } from '../model/connection.ts';
import type { Packet } from '../model/packet.ts';
import type { ConnectionTable } from './connection-table.ts';
import {
  ACKED,
  FLAGS,
  ICMP_SEEN,
  ISN,
  MIDSTREAM,
  NEXT_SEQUENCE,
  PHASE_CLOSED,
  PHASE_MASK,
  PHASE_SYN_SENT,
  SIDE_WORDS,
  STATE,
  WORDS_PER_RECORD,
} from './record.ts';

/** How far before the last acknowledged byte a packet may still have been under way when the error was sent. */
const LATE_BYTES = 1 << 20;

/** An ICMP error about a packet of a connection. */
export interface IcmpError {
  /** Type × 256 + code. */
  readonly code: number;
  /** Who sent the packet that it quotes. */
  readonly side: Side;
  /** Address of who sent the error. */
  readonly from: string;
  /** The MTU that it names; 0 for none. */
  readonly mtu: number;
  /** Bytes of the quoted IP packet. */
  readonly sizeBytes: number;
  /** The connection had another error before. */
  readonly isRepeated: boolean;
}

/** Binds ICMP errors to the connections whose packets they quote. */
export class IcmpErrors {
  readonly #words: Int32Array;
  #unfounded = 0;

  constructor(table: ConnectionTable) {
    this.#words = table.words;
  }

  /** Errors that quote what was not sent: of no known connection, or out of its window (RFC 5927 §4). */
  get unfounded(): number {
    return this.#unfounded;
  }

  /** Counts an error that quotes a packet of no known connection. */
  noteUnfounded(): void {
    this.#unfounded++;
  }

  /** The error in a packet that quotes one of a connection's `side`; null when it cannot be about what that sent. */
  read(slot: number, side: Side, packet: Packet): IcmpError | null {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    if (!this.#wasSent(word, side, packet.sequence)) {
      this.#unfounded++;
      return null;
    }
    const isRepeated = (words[word + FLAGS] & ICMP_SEEN) !== 0;
    words[word + FLAGS] |= ICMP_SEEN;
    const { icmp, icmpMtu, quotedLengthBytes } = packet;
    return { code: icmp, side, from: senderOf(packet), mtu: icmpMtu, sizeBytes: quotedLengthBytes, isRepeated };
  }

  #wasSent(word: number, side: Side, sequence: number): boolean {
    const words = this.#words;
    const phase = words[word + STATE] & PHASE_MASK;
    if (phase >= PHASE_CLOSED) return false;
    if (phase === PHASE_SYN_SENT) return sequence === words[word + ISN];
    const behind = (words[word + SIDE_WORDS * side + NEXT_SEQUENCE] - sequence) | 0;
    if (behind < 0) return false;
    if ((words[word + STATE] & MIDSTREAM) !== 0) return behind < LATE_BYTES;
    return ((sequence - words[word + SIDE_WORDS * (1 - side) + ACKED]) | 0) >= -LATE_BYTES && behind < 1 << 30;
  }
}

/** The address of who sent an ICMP error. */
export function senderOf({ view, ipVersion, icmpFrom }: Packet): string {
  const word = (i: number) => view.getUint32(icmpFrom + i * 4);
  return ipVersion === 4 ? formatIpv4(word(0)) : formatIpv6(word(0), word(1), word(2), word(3));
}
