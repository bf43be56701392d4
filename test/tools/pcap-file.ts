import { closeSync, openSync, writeSync } from 'node:fs';

const CAPACITY_BYTES = 1 << 22;
const RECORD_HEADER_BYTES = 16;
const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const LINKTYPE_ETHERNET = 1;
const SNAP_LENGTH_BYTES = 262_144;

/** Writes a classic pcap file front to back through one large buffer: frames are made in place, nothing is kept. */
export class PcapFile {
  readonly bytes = Buffer.allocUnsafe(CAPACITY_BYTES);
  readonly view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
  packets = 0;
  fileBytes = 0;
  readonly #descriptor: number;
  #used = 0;

  constructor(path: string) {
    this.#descriptor = openSync(path, 'w');
    this.view.setUint32(0, MAGIC_MICROSECONDS, true);
    this.view.setUint16(4, 2, true);
    this.view.setUint16(6, 4, true);
    this.view.setUint32(8, 0, true);
    this.view.setUint32(12, 0, true);
    this.view.setUint32(16, SNAP_LENGTH_BYTES, true);
    this.view.setUint32(20, LINKTYPE_ETHERNET, true);
    this.#used = 24;
  }

  /** Begins a record and gives the offset in `bytes` where its `lengthBytes` of frame have to be written. */
  record(timeUs: number, lengthBytes: number): number {
    if (this.#used + RECORD_HEADER_BYTES + lengthBytes > CAPACITY_BYTES) this.#flush();
    const header = this.#used;
    const seconds = Math.floor(timeUs / 1e6);
    this.view.setUint32(header, seconds, true);
    this.view.setUint32(header + 4, Math.floor(timeUs - seconds * 1e6), true);
    this.view.setUint32(header + 8, lengthBytes, true);
    this.view.setUint32(header + 12, lengthBytes, true);
    this.#used = header + RECORD_HEADER_BYTES + lengthBytes;
    this.packets++;
    return header + RECORD_HEADER_BYTES;
  }

  close(): void {
    this.#flush();
    closeSync(this.#descriptor);
  }

  #flush(): void {
    let from = 0;
    while (from < this.#used) from += writeSync(this.#descriptor, this.bytes, from, this.#used - from);
    this.fileBytes += this.#used;
    this.#used = 0;
  }
}
