import { constants, lstatSync } from 'node:fs';
import { type FileHandle, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { CAPTURE_FILE_HEADER_BYTES, type PacketRecords } from '../model/packet-records.ts';
import { numberedName, openMakingDirectory } from './file-names.ts';
import { formatFileTime } from './utc-time.ts';

/** The two ends that a dump's name tells; a `ConnectionSummary` will do. */
export interface Endpoints {
  readonly sourceAddress: string;
  readonly destinationAddress: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** Where dumps go, how much may be under way, and who wants to hear of it. */
export interface PcapFilesOptions {
  readonly directory: string;
  /** Files that are written at the same time; 2 when absent. */
  readonly maxWrites?: number;
  /** Bytes of packets that may wait or be under way; dumps that do not fit are dropped and counted. */
  readonly maxPendingBytes?: number;
  /** Called with the packets of a dump before they are written: may change them in place. */
  readonly prepare?: (records: PacketRecords) => void;
  /** Called when a file is there, whole, under its name. */
  readonly onWritten?: (name: string, bytes: number) => void;
  /** Called with one line when a dump is lost. */
  readonly onError?: (message: string) => void;
}

/** What became of the dumps since the start. */
export interface PcapCounters {
  readonly written: number;
  readonly writtenBytes: number;
  /** Failed on the disk. */
  readonly failed: number;
  /** Dropped because too much was waiting. */
  readonly dropped: number;
}

interface Job {
  readonly name: string;
  readonly records: PacketRecords;
}

const { O_WRONLY, O_CREAT, O_EXCL } = constants;
const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const SNAP_LENGTH_BYTES = 262_144;
const TEMPORARY_NAME = /^\.dump_.*\.pcap\.tmp$/;
const DEFAULT_PENDING_BYTES = 64 * 1024 * 1024;
const DEFAULT_WRITES = 2;

/** The header of a classic capture file, little-endian, times in microseconds (pcap(5)). The caller owns it. */
export function captureFileHeader(linkType: number): Uint8Array {
  const header = new DataView(new ArrayBuffer(CAPTURE_FILE_HEADER_BYTES));
  header.setUint32(0, MAGIC_MICROSECONDS, true);
  header.setUint16(4, 2, true);
  header.setUint16(6, 4, true);
  header.setUint32(16, SNAP_LENGTH_BYTES, true);
  header.setUint32(20, linkType, true);
  return new Uint8Array(header.buffer);
}

/**
 * Writes dumps of connections. A file is written under a hidden temporary name, synced, and only then given its own:
 * whoever sees it sees all of it. Nothing blocks and nothing is thrown; what fails is counted and said.
 */
export class PcapFiles {
  readonly #options: PcapFilesOptions;
  readonly #reserved = new Set<string>();
  readonly #waiting: Job[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #pendingBytes = 0;
  readonly #counters = { written: 0, writtenBytes: 0, failed: 0, dropped: 0 };

  constructor(options: PcapFilesOptions) {
    this.#options = options;
  }

  /** Counters up to now; the object stays the same and changes. */
  get counters(): PcapCounters {
    return this.#counters;
  }

  /** Bytes of packets that wait or are being written. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /**
   * The name (without directory) under which a dump will appear, and which nothing else gets meanwhile: an event can
   * carry it before a byte is written. `write` or `release` must follow.
   */
  reserve(ends: Endpoints, timeUs: number): string {
    const addresses = `${ends.sourceAddress}_${ends.destinationAddress}`.replaceAll(':', '-');
    const base = `dump_${addresses}_${ends.sourcePort}_${ends.destinationPort}_${formatFileTime(timeUs)}`;
    for (let attempt = 0; ; attempt++) {
      const name = numberedName(base, '.pcap', attempt);
      if (this.#reserved.has(name) || this.#exists(name)) continue;
      this.#reserved.add(name);
      return name;
    }
  }

  /** Gives a reserved name back: nothing will be written under it. */
  release(name: string): void {
    this.#reserved.delete(name);
  }

  /** Writes a dump under a reserved name. The records belong to the writer from here on. */
  write(name: string, records: PacketRecords): void {
    const { maxPendingBytes = DEFAULT_PENDING_BYTES, onError } = this.#options;
    const bytes = records.bytes.length;
    if (this.#pendingBytes + bytes > maxPendingBytes) {
      this.release(name);
      this.#counters.dropped++;
      onError?.(`Cannot write ${name}: ${this.#pendingBytes} bytes of packets wait already; is the disk too slow?`);
      return;
    }
    this.#pendingBytes += bytes;
    this.#waiting.push({ name, records });
    this.#startNext();
  }

  /** Resolves when no dump waits or is under way. Never rejects. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  #startNext(): void {
    while (this.#underWay.size < (this.#options.maxWrites ?? DEFAULT_WRITES)) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      const done = this.#run(job).finally(() => {
        this.#underWay.delete(done);
        this.#startNext();
      });
      this.#underWay.add(done);
    }
  }

  async #run({ name, records }: Job): Promise<void> {
    const { directory, prepare, onWritten, onError } = this.#options;
    const temporary = `.${name}.tmp`;
    try {
      prepare?.(records); // what cannot be prepared is not written
      await writeWhole(directory, temporary, records);
      await rename(join(directory, temporary), join(directory, name));
      const bytes = CAPTURE_FILE_HEADER_BYTES + records.bytes.length;
      this.#counters.written++;
      this.#counters.writtenBytes += bytes;
      onWritten?.(name, bytes);
    } catch (error) {
      this.#counters.failed++;
      onError?.(`Cannot write ${join(directory, name)}: ${(error as Error).message}; the dump is lost`);
      await unlink(join(directory, temporary)).catch(() => undefined); // often it is not there at all
    }
    this.#pendingBytes -= records.bytes.length;
    this.release(name);
  }

  #exists(name: string): boolean {
    try {
      return lstatSync(join(this.#options.directory, name), { throwIfNoEntry: false }) !== undefined;
    } catch {
      return false; // the directory is gone: the write will say so
    }
  }
}

/** Deletes what an earlier run was writing when it was killed; says how many files that were. Never rejects. */
export async function removeUnfinishedDumps(directory: string): Promise<number> {
  const names = await readdir(directory).catch(() => []);
  const unfinished = names.filter((name) => TEMPORARY_NAME.test(name));
  const outcomes = await Promise.allSettled(unfinished.map((name) => unlink(join(directory, name))));
  return outcomes.filter(({ status }) => status === 'fulfilled').length;
}

async function writeWhole(directory: string, name: string, { linkType, bytes }: PacketRecords): Promise<void> {
  const handle = await openMakingDirectory(directory, name, O_WRONLY | O_CREAT | O_EXCL);
  try {
    await writeFully(handle, captureFileHeader(linkType));
    await writeFully(handle, bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) written += (await handle.write(bytes, written)).bytesWritten;
}
