import type { Packet } from '../model/packet.ts';
import { TCP_ACK, TCP_RST, TCP_SYN } from '../model/tcp-bits.ts';
import type { ConnectionTable } from './connection-table.ts';
import {
  ACKED,
  INITIATOR_ADDRESS,
  IPV6,
  LAST_PROGRESS_AT,
  NEXT_SEQUENCE,
  PHASE_CLOSED,
  PHASE_MASK,
  PHASE_SYN_ACKED,
  PORTS,
  SEEN,
  SIDE_WORDS,
  STATE,
  SYN_REPEATS,
  TIMES_PER_RECORD,
  WORDS_PER_RECORD,
} from './record.ts';

const PORT_COUNT = 65_536;
/** Strangers that are watched at the same time. */
const MOST_STRANGERS = 1024;
/** Who goes on for so long, while the one that was asked says nothing new, is no second copy of the same packets. */
const PERSISTENT_US = 200_000;

/** Who sent packets that belong to a connection to somebody else. */
export interface Stranger {
  /** Of the connection that suffers. */
  readonly slot: number;
  readonly ipVersion: number;
  /** Address in words, network order; the first one only for IPv4. */
  readonly address: readonly number[];
  readonly port: number;
  readonly firstUs: number;
  isTold: boolean;
}

/** What a packet without a connection has to do with another connection. */
export interface ForeignPacket {
  readonly slot: number;
  /** Not null when it is certain now, and was not before. */
  readonly told: Stranger | null;
}

/**
 * Recognises packets that reach the initiator of a connection from an address that it did not ask, on the port of that
 * connection, acknowledging exactly what it sent there: address translation is lost on the way. They are told once the
 * initiator's host has reset them, or when they go on while the one that was asked is silent.
 */
export class ForeignPackets {
  readonly #words: Int32Array;
  readonly #times: Float64Array;
  /** By initiator's port: slot + 1 of the latest connection. */
  readonly #slots = new Int32Array(PORT_COUNT);
  /** By slot, in the order in which they were first seen. */
  readonly #strangers = new Map<number, Stranger>();

  constructor(table: ConnectionTable) {
    this.#words = table.words;
    this.#times = table.times;
  }

  /** A connection began. */
  began(slot: number): void {
    this.#slots[this.#words[slot * WORDS_PER_RECORD + PORTS] >>> 16] = slot + 1;
    if (this.#strangers.size > 0) this.#strangers.delete(slot);
  }

  /** The stranger whose packets belong to a connection; null when there is none. */
  strangerOf(slot: number): Stranger | null {
    return this.#strangers.get(slot) ?? null;
  }

  /** Looks at a packet that belongs to no connection: what it has to do with one; null when nothing. */
  look(packet: Packet): ForeignPacket | null {
    return (packet.flags & TCP_RST) === 0 ? this.#fromStranger(packet) : this.#toStranger(packet);
  }

  #fromStranger(packet: Packet): ForeignPacket | null {
    if ((packet.flags & TCP_ACK) === 0) return null;
    const slot = this.#slotOf(packet.destinationPort, packet, packet.destinationAddress);
    if (slot < 0 || !this.#acknowledgesItsBytes(slot, packet)) return null;
    const known = this.#strangers.get(slot);
    if (known === undefined || !isFrom(known, packet)) {
      if (this.#strangers.size >= MOST_STRANGERS) this.#forgetFirst();
      this.#strangers.set(slot, strangerIn(slot, packet, known?.isTold ?? false));
      return { slot, told: null };
    }
    const word = slot * WORDS_PER_RECORD;
    const isOpening = (this.#words[word + STATE] & PHASE_MASK) < PHASE_SYN_ACKED;
    const isSilent = isOpening
      ? this.#words[word + SYN_REPEATS] > 0
      : this.#times[slot * TIMES_PER_RECORD + LAST_PROGRESS_AT] <= known.firstUs;
    const isCertain = isSilent && packet.timeUs - known.firstUs > PERSISTENT_US;
    return { slot, told: isCertain ? tell(known) : null };
  }

  /** A RST: whether the initiator's host sends it to the stranger. */
  #toStranger(packet: Packet): ForeignPacket | null {
    if (this.#strangers.size === 0) return null;
    const slot = this.#slotOf(packet.sourcePort, packet, packet.sourceAddress);
    const stranger = slot < 0 ? undefined : this.#strangers.get(slot);
    if (stranger === undefined || packet.destinationPort !== stranger.port) return null;
    if (!isAt(stranger, packet, packet.destinationAddress)) return null;
    return { slot, told: tell(stranger) };
  }

  /** The slot of an open connection whose initiator has that port and address; -1 when there is none. */
  #slotOf(port: number, packet: Packet, addressAt: number): number {
    const slot = this.#slots[port] - 1;
    if (slot < 0) return -1;
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const state = words[word + STATE];
    if ((state & PHASE_MASK) >= PHASE_CLOSED || words[word + PORTS] >>> 16 !== port) return -1;
    if (((state & IPV6) !== 0 ? 6 : 4) !== packet.ipVersion) return -1;
    const addressWords = packet.ipVersion === 4 ? 1 : 4;
    for (let i = 0; i < addressWords; i++) {
      if (words[word + INITIATOR_ADDRESS + i] !== packet.view.getInt32(addressAt + i * 4)) return -1;
    }
    return slot;
  }

  #acknowledgesItsBytes(slot: number, packet: Packet): boolean {
    const words = this.#words;
    const word = slot * WORDS_PER_RECORD;
    const state = words[word + STATE];
    const unsent = (packet.acknowledgment - words[word + NEXT_SEQUENCE]) | 0;
    if ((state & SEEN) === 0 || unsent > 0) return false;
    const isOpening = (state & PHASE_MASK) < PHASE_SYN_ACKED;
    if (isOpening) return unsent === 0 && (packet.flags & TCP_SYN) !== 0;
    return ((packet.acknowledgment - words[word + SIDE_WORDS + ACKED]) | 0) >= 0;
  }

  #forgetFirst(): void {
    for (const slot of this.#strangers.keys()) {
      this.#strangers.delete(slot);
      return;
    }
  }
}

/** `isTold`: another stranger of the connection was told already; one finding is enough for it. */
function strangerIn(slot: number, packet: Packet, isTold: boolean): Stranger {
  const { view, ipVersion, sourceAddress, sourcePort, timeUs } = packet;
  const address = Array.from({ length: ipVersion === 4 ? 1 : 4 }, (_, i) => view.getInt32(sourceAddress + i * 4));
  return { slot, ipVersion, address, port: sourcePort, firstUs: timeUs, isTold };
}

function isFrom(stranger: Stranger, packet: Packet): boolean {
  return packet.sourcePort === stranger.port && isAt(stranger, packet, packet.sourceAddress);
}

function isAt({ ipVersion, address }: Stranger, packet: Packet, addressAt: number): boolean {
  return packet.ipVersion === ipVersion && address.every((word, i) => word === packet.view.getInt32(addressAt + i * 4));
}

function tell(stranger: Stranger): Stranger | null {
  if (stranger.isTold) return null;
  stranger.isTold = true;
  return stranger;
}
