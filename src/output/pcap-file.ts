import { constants, lstatSync } from 'node:fs';
import { type FileHandle, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { MEBIBYTE } from '../model/mebibyte.ts';
import { type MemoryRoom, UNBOUNDED_ROOM } from '../model/memory-room.ts';
import type { PacketNotes } from '../model/packet-notes.ts';
import {
  CAPTURE_FILE_HEADER_BYTES,
  type PacketRecords,
  type PcapFormat,
  SNAP_LENGTH_BYTES,
} from '../model/packet-records.ts';
import { formatFileTime } from '../model/utc-time.ts';
import { numberedName, openMakingDirectory } from './file-names.ts';
import { type CaptureOrigin, type CaptureTotals, pcapngParts } from './pcapng-file.ts';

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
  /** Classic pcap when absent. */
  readonly format?: PcapFormat;
  /** Named in pcapng files; nothing is when absent. */
  readonly origin?: () => CaptureOrigin;
  /** Also told in pcapng files; null when it is not known. */
  readonly totals?: () => CaptureTotals | null;
  /** Files that are written at the same time; 2 when absent. */
  readonly maxWrites?: number;
  /** Bytes of packets that may wait or be under way; dumps that do not fit are dropped and counted. */
  readonly maxPendingBytes?: number;
  /** Asked for memory of dumps that wait; there is always some when absent. */
  readonly room?: MemoryRoom;
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
  readonly notes: PacketNotes;
}

const { O_WRONLY, O_CREAT, O_EXCL } = constants;
const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const TEMPORARY_NAME = /^\.dump_.*\.pcap(ng)?\.tmp$/;
const DEFAULT_PENDING_BYTES = 64 * MEBIBYTE;
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

/** What nobody has anything to say of. */
const NO_NOTES: PacketNotes = { connection: '', packets: [] };

const NO_ORIGIN: CaptureOrigin = { interfaceName: '', description: '', filter: '' };

/**
 * Writes dumps of connections. A file is written under a hidden temporary name, synced, and only then given its own:
 * whoever sees it sees all of it. Nothing blocks and nothing is thrown; what fails is counted and said.
 */
export class PcapFiles {
  readonly #options: PcapFilesOptions;
  readonly #reserved = new Set<string>();
  readonly #waiting: Job[] = [];
  readonly #underWay = new Set<Promise<void>>();
  /** The format of dumps whose name is yet to be reserved. */
  format: PcapFormat;
  #pendingBytes = 0;
  readonly #counters = { written: 0, writtenBytes: 0, failed: 0, dropped: 0 };

  constructor(options: PcapFilesOptions) {
    this.#options = options;
    this.format = options.format ?? 'pcap';
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
      const name = numberedName(base, `.${this.format}`, attempt);
      if (this.#reserved.has(name) || this.#exists(name)) continue;
      this.#reserved.add(name);
      return name;
    }
  }

  /** Gives a reserved name back: nothing will be written under it. */
  release(name: string): void {
    this.#reserved.delete(name);
  }

  /**
   * Writes a dump under a reserved name, and what is said of its packets if its format has room for that. The records
   * belong to the writer from here on.
   */
  write(name: string, records: PacketRecords, notes = NO_NOTES): void {
    const { maxPendingBytes = DEFAULT_PENDING_BYTES, room = UNBOUNDED_ROOM, onError } = this.#options;
    const bytes = records.bytes.length;
    if (this.#pendingBytes + bytes > maxPendingBytes || !room.take(bytes)) {
      this.release(name);
      this.#counters.dropped++;
      onError?.(`Cannot write ${name}: ${this.#pendingBytes} bytes of packets wait already; is the disk too slow?`);
      return;
    }
    this.#pendingBytes += bytes;
    this.#waiting.push({ name, records, notes });
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

  async #run({ name, records, notes }: Job): Promise<void> {
    const { directory, prepare, onWritten, onError } = this.#options;
    const temporary = `.${name}.tmp`;
    try {
      prepare?.(records); // what cannot be prepared is not written
      const bytes = await writeWhole(directory, temporary, this.#partsOf(name, records, notes));
      await rename(join(directory, temporary), join(directory, name));
      this.#counters.written++;
      this.#counters.writtenBytes += bytes;
      onWritten?.(name, bytes);
    } catch (error) {
      this.#counters.failed++;
      onError?.(`Cannot write ${join(directory, name)}: ${(error as Error).message}; the dump is lost`);
      await unlink(join(directory, temporary)).catch(() => undefined); // often it is not there at all
    }
    this.#pendingBytes -= records.bytes.length;
    this.#options.room?.give(records.bytes.length);
    this.release(name);
  }

  /** The bytes of a file, one part after the other; each is good until the next one is asked for. */
  #partsOf(name: string, records: PacketRecords, notes: PacketNotes): Iterable<Uint8Array> {
    if (name.endsWith('.pcap')) return [captureFileHeader(records.linkType), records.bytes];
    const { origin, totals } = this.#options;
    return pcapngParts(records, notes, origin?.() ?? NO_ORIGIN, totals?.() ?? null);
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

/** Writes and syncs a new file; says how many bytes it has. */
async function writeWhole(directory: string, name: string, parts: Iterable<Uint8Array>): Promise<number> {
  const handle = await openMakingDirectory(directory, name, O_WRONLY | O_CREAT | O_EXCL);
  let bytes = 0;
  try {
    for (const part of parts) {
      await writeFully(handle, part);
      bytes += part.length;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return bytes;
}

async function writeFully(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) written += (await handle.write(bytes, written)).bytesWritten;
}
