/** Memory seen in three ways, to which the same offsets apply. */
export class Memory {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly words: Int32Array;

  constructor(buffer: ArrayBuffer) {
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.words = new Int32Array(buffer);
  }
}

/** What stands where there is no memory any more. */
export const NO_MEMORY = new Memory(new ArrayBuffer(0));
