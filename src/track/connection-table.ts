import { ASSERTING } from '../model/assert.ts';
import { type MemoryRoom, UNBOUNDED_ROOM } from '../model/memory-room.ts';
import { engineMemory, type GrowingMemory, type MemorySupply } from '../model/memory-supply.ts';
import type { Packet } from '../model/packet.ts';
import { ConnectionIndex, indexBytes } from './connection-index.ts';
import { FreeSlots, SLOTS_PER_PIECE } from './free-slots.ts';
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
/** Less is not worth giving back. */
const LEAST_TRIMMED_BYTES = 4 << 20;

/** Room that a table grows in. */
export interface TableRoom {
  readonly room: MemoryRoom;
  /** What others keep by slot, in bytes, when so many slots are in use. */
  slotBytes(slots: number): number;
}

const NO_BOUND: TableRoom = { room: UNBOUNDED_ROOM, slotBytes: () => 0 };

/** Bytes of the lists that a slot is in, besides its record: two lists, two links each. */
const BYTES_OF_LINKS = 16;

/**
 * The records of all connections and an index by their endpoints. A connection is a slot number; its record begins at
 * `words[slot * WORDS_PER_RECORD]` and `times[slot * TIMES_PER_RECORD]`, laid out in `record.ts`.
 *
 * The memory for `capacity` records is reserved at once but becomes resident only as slots are used: freed slots are
 * used again first, those of the first pieces before others, so that the last pieces become empty and can be given back
 * (`trim`). For each further piece `TableRoom` is asked; without room the table is full. The hash is the same for both
 * directions, and seeded, so that nobody outside can choose colliding endpoints.
 */
export class ConnectionTable {
  readonly capacity: number;
  readonly words: Int32Array;
  readonly times: Float64Array;
  /** Means nothing: only there so that the loads of `touch` are not optimised away. */
  touched = 0;
  /** Gives the memory of the table, and takes back what its users have by slot. */
  readonly memory: MemorySupply;
  readonly #records: GrowingMemory;
  readonly #seed: number;
  readonly #index: ConnectionIndex;
  readonly #room: TableRoom;
  readonly #free: FreeSlots;
  #serial = 0;
  /** Slots from here on were never used. */
  #unused = 0;
  /** Slots there is room for. */
  #limit = 0;

  /**
   * `seed` is any 32-bit integer: random in an agent, fixed in a test. `supply` gives the memory of records and index,
   * `room` is asked for it.
   */
  constructor(capacity: number, seed: number, supply = engineMemory, room = NO_BOUND) {
    this.capacity = capacity;
    this.memory = supply;
    this.#room = room;
    this.#free = new FreeSlots(capacity);
    this.#limit = room === NO_BOUND ? capacity : Math.min(capacity, SLOTS_PER_PIECE);
    this.#records = supply.growing(capacity * BYTES_PER_RECORD);
    this.words = new Int32Array(this.#records.buffer);
    this.times = new Float64Array(this.#records.buffer);
    this.#seed = seed | 0;
    this.#index = new ConnectionIndex(supply);
    room.room.use(this.#costBytes(this.#limit));
  }

  /** Connections in the table, remembered ones included. */
  get size(): number {
    return this.#index.size;
  }

  /** Whether there is no slot for one more connection, nor room to make some. */
  get full(): boolean {
    return this.size === this.#limit && !this.#grow();
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
    this.#free.add(slot, this.words, at);
  }

  /**
   * Gives memory of slots at the end of the table that are not in use back to the system, when that is much. Answers the
   * first of them; -1 when nothing was given back. What others keep of slots from there on goes too.
   */
  trim(): number {
    const slots = Math.max(SLOTS_PER_PIECE, this.#free.usedEnd());
    if (slots >= this.#limit || (this.#limit - slots) * BYTES_PER_RECORD < LEAST_TRIMMED_BYTES) return -1;
    const before = this.#costBytes(this.#limit);
    this.#free.cut(slots);
    this.#unused = Math.min(this.#unused, slots);
    this.#limit = slots;
    this.#records.shrink(slots * BYTES_PER_RECORD);
    this.#index.shrink();
    this.#room.room.give(before - this.#costBytes(slots));
    return slots;
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

  /** Makes room for one more piece of slots; false when there is none. */
  #grow(): boolean {
    if (this.#limit === this.capacity) return false;
    const limit = Math.min(this.capacity, this.#limit + SLOTS_PER_PIECE);
    if (!this.#room.room.take(this.#costBytes(limit) - this.#costBytes(this.#limit))) return false;
    this.#limit = limit;
    return true;
  }

  /** Memory for so many slots, with what others keep by slot. */
  #costBytes(slots: number): number {
    const { slotBytes } = this.#room;
    return (
      slots * BYTES_OF_LINKS +
      this.#records.residentBytes(slots * BYTES_PER_RECORD) +
      indexBytes(slots) +
      slotBytes(slots)
    );
  }

  #takeSlot(): number {
    const free = this.#free.take(this.words);
    if (free >= 0) return free;
    const slot = this.#unused++;
    this.#free.use(slot);
    this.#records.reach(this.#unused * BYTES_PER_RECORD);
    return slot;
  }
}

function mix(state: number, word: number): number {
  const h = Math.imul(state ^ word, 0x9e3779b1);
  return h ^ (h >>> 15);
}
