import { type MemoryRoom, UNBOUNDED_ROOM } from '../../model/memory-room.ts';

/** As much is asked for at once, so that hardly any segment pays for asking. */
const PIECE_BYTES = 256 * 1024;

/**
 * Memory that all streams or readers together may hold, e.g. in copies of segments which came too early. Who needs some
 * asks before it copies and gives back when it has delivered; who is refused stops waiting for its missing bytes.
 */
export class StreamBudget {
  readonly limitBytes: number;
  /** Bytes held now. */
  usedBytes = 0;
  /** How often a stream was refused. */
  refusals = 0;

  /** What there is room for. */
  #grantedBytes = 0;
  readonly #room: MemoryRoom;

  /** `room` is asked for memory, up to the limit. */
  constructor(limitBytes: number, room = UNBOUNDED_ROOM) {
    this.limitBytes = limitBytes;
    this.#room = room;
  }

  /** True, and the bytes are taken, when they fit. */
  take(bytes: number): boolean {
    if (this.usedBytes + bytes > this.limitBytes || !this.#hasRoom(this.usedBytes + bytes)) {
      this.refusals++;
      return false;
    }
    this.usedBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.usedBytes -= bytes;
    const spareBytes = this.#grantedBytes - this.usedBytes;
    if (spareBytes < 4 * PIECE_BYTES) return;
    this.#grantedBytes -= spareBytes - PIECE_BYTES;
    this.#room.give(spareBytes - PIECE_BYTES);
  }

  #hasRoom(bytes: number): boolean {
    if (bytes <= this.#grantedBytes) return true;
    const more = Math.max(PIECE_BYTES, bytes - this.#grantedBytes);
    if (!this.#room.take(more)) return false;
    this.#grantedBytes += more;
    return true;
  }
}
