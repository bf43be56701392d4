import type { Packet } from '../model/packet.ts';

/** A power of two: what fits the first-level cache beside everything else. */
const PLACES = 512;
const WORDS_PER_PLACE = 4;
/** A stack sends nothing again within so short a time. */
const WITHIN_US = 1000;

/**
 * Recognises second copies of packets, as a capture on all interfaces of a node has them: the same IP id (IPv4),
 * sequence number, length and checksum between the same endpoints within a millisecond. A retransmission comes later,
 * and with another IP id.
 */
export class DuplicateFilter {
  readonly #words = new Int32Array(PLACES * WORDS_PER_PLACE);
  readonly #times = new Float64Array(PLACES).fill(Number.NEGATIVE_INFINITY);
  #count = 0;

  /** Packets that were second copies. */
  get count(): number {
    return this.#count;
  }

  /** Whether a packet, whose hash is set, is the copy of one that came before. */
  isDuplicate(packet: Packet): boolean {
    const { endpointHash, sequence, timeUs } = packet;
    const ipId = packet.ipVersion === 4 ? packet.view.getUint16(packet.ipHeader + 4) : 0;
    const identity = (ipId << 16) | packet.checksum;
    const content = (packet.payloadLengthBytes << 8) | packet.flags;
    const place = (endpointHash ^ Math.imul(sequence ^ identity, 0x9e3779b1)) & (PLACES - 1);
    const words = this.#words;
    const at = place * WORDS_PER_PLACE;
    const times = this.#times;
    if (
      words[at] === identity &&
      words[at + 1] === sequence &&
      words[at + 2] === endpointHash &&
      words[at + 3] === content &&
      Math.abs(timeUs - times[place]) <= WITHIN_US
    ) {
      this.#count++;
      return true;
    }
    words[at] = identity;
    words[at + 1] = sequence;
    words[at + 2] = endpointHash;
    words[at + 3] = content;
    times[place] = timeUs;
    return false;
  }
}
