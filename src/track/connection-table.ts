import { ASSERTING } from '../model/assert.ts';
import { engineMemory, type GrowingMemory } from '../model/memory-supply.ts';
import type { Packet } from '../model/packet.ts';
import { ConnectionIndex } from './connection-index.ts';
import type { HashPlaces } from './hash-places.ts';
import {
  FLAGS,
  HASH,
  INITIATOR_ADDRESS,
  IPV6,
  NEXT_SEQUENCE,
  PORTS,
  RESPONDER_ADDRESS,
  SERIAL_AT,
  STATE,
  TIMES_PER_RECORD,
  WORDS_PER_RECORD,
} from './record.ts';
import { checkConnectionRecord } from './record-layout.ts';

if (ASSERTING) checkConnectionRecord();

/** `ConnectionTable.find` when nobody has these endpoints. */
export const NOT_FOUND = -1;

const BYTES_PER_RECORD = WORDS_PER_RECORD * 4;

/**
 * The records of all connections and an index by their endpoints. A connection is a slot number; its record begins at
 * `words[slot * WORDS_PER_RECORD]` and `times[slot * TIMES_PER_RECORD]`, laid out in `record.ts`.
 *
 * The memory for `capacity` records is reserved at once but becomes resident only as slots are used: freed slots are
 * used again first. The hash is the same for both directions, and seeded, so that nobody outside can choose colliding
 * endpoints.
 */
export class ConnectionTable {
  readonly capacity: number;
  readonly words: Int32Array;
  readonly times: Float64Array;
  /** Means nothing: only there so that the loads of `touch` are not optimised away. */
  touched = 0;
  readonly #records: GrowingMemory;
  readonly #seed: number;
  readonly #index: ConnectionIndex;
  #serial = 0;
  /** Slots from here on were never used. */
  #unused = 0;
  /** First of the freed slots, chained through word 0 of their records; -1 at the end. */
  #free = -1;

  /** `seed` is any 32-bit integer: random in an agent, fixed in a test. `supply` gives the memory of records and index. */
  constructor(capacity: number, seed: number, supply = engineMemory) {
    this.capacity = capacity;
    this.#records = supply.growing(capacity * BYTES_PER_RECORD);
    this.words = new Int32Array(this.#records.buffer);
    this.times = new Float64Array(this.#records.buffer);
    this.#seed = seed | 0;
    this.#index = new ConnectionIndex(supply);
  }

  /** Connections in the table, remembered ones included. */
  get size(): number {
    return this.#index.size;
  }

  get full(): boolean {
    return this.size === this.capacity;
  }

  /**
   * The connection a packet belongs to, as `slot * 2 + side`, the side being who sent the packet; `NOT_FOUND` when
   * there is none.
   */
  find(packet: Packet, hash: number): number {
    const { current, former } = this.#index;
    const found = this.#findIn(current, packet, hash);
    return found >= 0 || former === null ? found : this.#findIn(former, packet, hash);
  }

  /**
   * Loads what `find` and its callers will need for the first `count` packets, whose hashes are set, and sets their
   * likely slots. Loops this short let the processor wait for the memory of all packets at once.
   */
  touch(packets: readonly Packet[], count: number): void {
    const { current } = this.#index;
    for (let i = 0; i < count; i++) packets[i].likelySlot = current.hint(packets[i].endpointHash);
    const words = this.words;
    let touched = 0;
    for (let i = 0; i < count; i++) {
      const slot = packets[i].likelySlot;
      if (slot < 0) continue;
      const at = slot * WORDS_PER_RECORD;
      touched ^= words[at] ^ words[at + NEXT_SEQUENCE] ^ words[at + FLAGS];
    }
    this.touched = touched;
  }

  /** Slots that were in use at some time: 0 to before this. */
  get usedSlots(): number {
    return this.#unused;
  }

  /** The hash of a packet's endpoints, the same in both directions. */
  hash(packet: Packet): number {
    const { view, sourceAddress: source, destinationAddress: destination } = packet;
    let a = mix(this.#seed, packet.sourcePort);
    let b = mix(this.#seed, packet.destinationPort);
    const addressBytes = packet.ipVersion === 4 ? 4 : 16;
    for (let i = 0; i < addressBytes; i += 4) {
      a = mix(a, view.getInt32(source + i));
      b = mix(b, view.getInt32(destination + i));
    }
    let h = (a + b) | 0;
    h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
    h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
    return h ^ (h >>> 16);
  }

  /**
   * Makes a record for a packet's endpoints, which must not be in a full table. All of it is zero but the endpoints,
   * the hash, the IPv6 bit and the serial number. `initiatorIsSource` says which end of the packet sent, or would have
   * sent, the SYN.
   */
  insert(packet: Packet, hash: number, initiatorIsSource: boolean): number {
    const slot = this.#takeSlot();
    const view = packet.view;
    const words = this.words;
    const at = slot * WORDS_PER_RECORD;
    const initiator = initiatorIsSource ? packet.sourceAddress : packet.destinationAddress;
    const responder = initiatorIsSource ? packet.destinationAddress : packet.sourceAddress;
    const addressWords = packet.ipVersion === 4 ? 1 : 4;
    for (let i = 0; i < WORDS_PER_RECORD; i++) words[at + i] = 0; // a third of what `fill` costs for so few
    for (let i = 0; i < addressWords; i++) {
      words[at + INITIATOR_ADDRESS + i] = view.getInt32(initiator + i * 4);
      words[at + RESPONDER_ADDRESS + i] = view.getInt32(responder + i * 4);
    }
    words[at + PORTS] = initiatorIsSource
      ? (packet.sourcePort << 16) | packet.destinationPort
      : (packet.destinationPort << 16) | packet.sourcePort;
    words[at + HASH] = hash;
    words[at + STATE] = packet.ipVersion === 4 ? 0 : IPV6;
    this.times[slot * TIMES_PER_RECORD + SERIAL_AT] = this.#serial++;
    this.#index.add(hash, slot);
    return slot;
  }

  /** Takes a connection out and frees its slot. */
  remove(slot: number): void {
    const at = slot * WORDS_PER_RECORD;
    this.#index.remove(this.words[at + HASH], slot);
    this.words[at] = this.#free;
    this.#free = slot;
  }

  #findIn(places: HashPlaces, packet: Packet, hash: number): number {
    for (let place = places.first(hash); place >= 0; place = places.next(place, hash)) {
      const slot = places.slot(place);
      const side = this.#sideOf(packet, slot);
      if (side >= 0) return slot * 2 + side;
    }
    return NOT_FOUND;
  }

  /** 0 when the packet goes from initiator to responder, 1 when it goes back, -1 when it is of another connection. */
  #sideOf(packet: Packet, slot: number): number {
    const words = this.words;
    const at = slot * WORDS_PER_RECORD;
    const ports = words[at + PORTS];
    const { view, sourcePort, destinationPort, sourceAddress: source, destinationAddress: destination } = packet;
    const sourceWord = view.getInt32(source);
    const destinationWord = view.getInt32(destination);
    let side: number;
    if (
      ports === ((sourcePort << 16) | destinationPort) &&
      words[at + INITIATOR_ADDRESS] === sourceWord &&
      words[at + RESPONDER_ADDRESS] === destinationWord
    ) {
      side = 0;
    } else if (
      ports === ((destinationPort << 16) | sourcePort) &&
      words[at + INITIATOR_ADDRESS] === destinationWord &&
      words[at + RESPONDER_ADDRESS] === sourceWord
    ) {
      side = 1;
    } else {
      return -1;
    }
    const ipv6 = (words[at + STATE] & IPV6) !== 0;
    if (!ipv6) return packet.ipVersion === 4 ? side : -1;
    if (packet.ipVersion === 4) return -1;
    const initiator = side === 0 ? source : destination;
    const responder = side === 0 ? destination : source;
    for (let i = 1; i < 4; i++) {
      if (words[at + INITIATOR_ADDRESS + i] !== view.getInt32(initiator + i * 4)) return -1;
      if (words[at + RESPONDER_ADDRESS + i] !== view.getInt32(responder + i * 4)) return -1;
    }
    return side;
  }

  #takeSlot(): number {
    let slot = this.#free;
    if (slot >= 0) {
      this.#free = this.words[slot * WORDS_PER_RECORD];
    } else {
      slot = this.#unused++;
      this.#records.reach(this.#unused * BYTES_PER_RECORD);
    }
    return slot;
  }
}

function mix(state: number, word: number): number {
  const h = Math.imul(state ^ word, 0x9e3779b1);
  return h ^ (h >>> 15);
}
