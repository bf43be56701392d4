import type { Packet } from '../model/packet.ts';

/** A power of two: what fits the first-level cache beside everything else. */
const PLACES = 1024;
/** Where the checksum stands in a TCP header (RFC 9293 §3.1). */
const CHECKSUM_AT = 16;
/** A stack sends nothing again within so short a time. */
const WITHIN_US = 1000;

/**
 * Recognises second copies of packets, as a capture on all interfaces of a node has them: the same IP id (IPv4),
 * sequence number, length and checksum between the same endpoints within a millisecond. A retransmission comes later,
 * and with another IP id. What makes a packet is compared by 32 bits of a seeded hash.
 */
export class DuplicateFilter {
  readonly #hashes = new Int32Array(PLACES);
  readonly #times = new Float64Array(PLACES);
  #count = 0;

  /** Packets that were second copies. */
  get count(): number {
    return this.#count;
  }

  /** Whether a packet, whose hash is set, is the copy of one that came before. */
  isDuplicate(packet: Packet): boolean {
    const ipId = packet.ipVersion === 4 ? packet.view.getUint16(packet.ipHeader + 4) : 0;
    const what = (ipId << 16) | packet.view.getUint16(packet.tcpHeader + CHECKSUM_AT);
    const where = packet.sequence ^ (packet.payloadLengthBytes << 8) ^ packet.flags;
    const hash = packet.endpointHash ^ Math.imul(what ^ Math.imul(where, 0x9e3779b1), 0x85ebca6b);
    const place = (hash ^ (hash >>> 15)) & (PLACES - 1);
    const { timeUs } = packet;
    if (this.#hashes[place] === hash && Math.abs(timeUs - this.#times[place]) <= WITHIN_US) {
      this.#count++;
      return true;
    }
    this.#hashes[place] = hash;
    this.#times[place] = timeUs;
    return false;
  }
}
