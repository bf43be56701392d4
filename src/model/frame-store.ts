/**
 * Memory that takes in frames before anybody knows which of them are wanted later. A source that fills it hands out
 * frames that lie in it already, so that keeping one costs no copy.
 */
export interface FrameStore {
  /** All of the memory, as bytes, as a view and as 32-bit words: the same offsets apply. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly words: Int32Array;
  /**
   * Room for `lengthBytes`, as a byte offset divisible by 16; -1 when that is more than the store ever has in one
   * piece. What was taken last may be read and written until the next call. In front of each frame there have to be 4
   * bytes that the store may use.
   */
  take(lengthBytes: number): number;
}
