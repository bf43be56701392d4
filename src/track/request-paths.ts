const PLACES = 4096;
const PATH_BYTES = 96;
const [SPACE, QUESTION_MARK, HASH_SIGN] = [0x20, 0x3f, 0x23];

/**
 * Paths of requests that wait for their answers: what stands before `?`, cut. Only the last of a connection is known, and
 * connections take each other's places.
 */
export class RequestPaths {
  readonly #bytes = new Uint8Array(PLACES * PATH_BYTES);
  readonly #lengths = new Uint8Array(PLACES);
  readonly #slots = new Int32Array(PLACES).fill(-1);

  /** Keeps the path in the request target that begins at `start`. */
  keep(slot: number, bytes: Uint8Array, start: number, end: number): void {
    const place = slot & (PLACES - 1);
    const to = place * PATH_BYTES;
    const most = Math.min(PATH_BYTES, end - start);
    let length = 0;
    while (length < most) {
      const byte = bytes[start + length];
      if (byte === SPACE || byte === QUESTION_MARK || byte === HASH_SIGN || byte < SPACE) break;
      this.#bytes[to + length++] = byte;
    }
    this.#slots[place] = slot;
    this.#lengths[place] = length;
  }

  /** The path of the last request of a connection; empty when it is not known. */
  of(slot: number): string {
    const place = slot & (PLACES - 1);
    if (this.#slots[place] !== slot) return '';
    const from = place * PATH_BYTES;
    return Buffer.from(this.#bytes.buffer, from, this.#lengths[place]).toString('latin1');
  }

  /** Forgets the path of a connection: it was answered. */
  forget(slot: number): void {
    const place = slot & (PLACES - 1);
    if (this.#slots[place] === slot) this.#slots[place] = -1;
  }
}
