import type { Readable } from 'node:stream';
import type { Frame } from '../model/frame.ts';
import { type ByteSource, GunzipBytes, openFileBytes, PrefixedBytes, StreamBytes } from './byte-source.ts';
import { FrameFilter } from './filter.ts';
import type { CaptureCounters, PacketSource, SourceState } from './packet-source.ts';
import { isPcap, PCAP_HEADER_BYTES, PcapReader } from './pcap.ts';
import { isPcapng, isSectionHeader, PCAPNG_HEADER_BYTES, PcapngReader } from './pcapng.ts';
import { ReadBuffer } from './read-buffer.ts';
import type { RecordReader } from './record-reader.ts';

/** How a capture file is read. */
export interface FileOptions {
  /**
   * pcap-filter(7) expression over the frames, at the price of a native call each; missing or empty takes every frame.
   */
  readonly filter?: string;
  /** What `-` stands for; standard input when missing. */
  readonly stdin?: Readable;
}

const GZIP_MAGIC = 0x1f8b;

/** Beginnings of compressed files that are not read, for a better message. */
const COMPRESSIONS: ReadonlyMap<number, string> = new Map([
  [0x28b52ffd, 'zstd'],
  [0xfd377a58, 'xz'],
  [0x425a6839, 'bzip2'],
  [0x504b0304, 'zip'],
  [0x04224d18, 'lz4'],
]);

/**
 * Opens a capture file, pcap or pcapng, plain or compressed with gzip; `-` is standard input. Rejects when it cannot
 * be opened or is no capture file. A capture file that ends too early is opened; `problem()` says so in the end.
 */
export async function openFileSource(path: string, options: FileOptions = {}): Promise<FileSource> {
  const filter = options.filter === undefined || options.filter.trim() === '' ? null : new FrameFilter(options.filter);
  const name = path === '-' ? 'standard input' : path;
  const raw = path === '-' ? new StreamBytes(options.stdin ?? process.stdin) : await openNamed(path);
  const bytes = await unpack(raw);
  const input = new ReadBuffer(bytes);
  try {
    return new FileSource(name, input, await openReader(name, input), filter);
  } catch (error) {
    input.close();
    throw error;
  }
}

async function openNamed(path: string): Promise<ByteSource> {
  try {
    return await openFileBytes(path);
  } catch (error) {
    throw new Error(`Cannot open ${path}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** Looks at the first two bytes, and decompresses if they say so. */
async function unpack(raw: ByteSource): Promise<ByteSource> {
  const magic = new Uint8Array(2);
  let length = 0;
  while (length < magic.length) {
    const count = await raw.read(magic, length, magic.length - length);
    if (count === 0) break;
    length += count;
  }
  const bytes = new PrefixedBytes(magic.subarray(0, length), raw);
  return new DataView(magic.buffer).getUint16(0) === GZIP_MAGIC ? new GunzipBytes(bytes) : bytes;
}

/** The reader for what the input begins with; null for a capture that ends inside its file header. */
async function openReader(name: string, input: ReadBuffer): Promise<RecordReader | null> {
  input.wanted = 4;
  if (!(await input.fill())) {
    const what = input.failure ?? (input.available === 0 ? 'it is empty' : 'it is too short for a capture file');
    throw new Error(`Cannot read ${name}: ${what}`);
  }
  const magic = input.view.getUint32(input.position);
  if (isPcap(magic)) {
    input.wanted = PCAP_HEADER_BYTES;
    return (await input.fill()) ? new PcapReader(input) : null;
  }
  if (isPcapng(magic)) {
    input.wanted = PCAPNG_HEADER_BYTES;
    if (!(await input.fill())) return null;
    if (isSectionHeader(input.view, input.position)) return new PcapngReader(input);
  }
  const compression = COMPRESSIONS.get(magic);
  const hint = compression === undefined ? '' : `; it looks like ${compression}, decompress it first`;
  throw new Error(`Cannot read ${name}: it is neither a pcap nor a pcapng file${hint}`);
}

/**
 * Frames out of a capture file or standard input, read in place out of a input that moves over the file: memory is
 * bounded whatever the size of the file. The link type may change from frame to frame. Drop counts are not known.
 */
export class FileSource implements PacketSource {
  readonly description: string;

  readonly #input: ReadBuffer;
  readonly #filter: FrameFilter | null;
  #reader: RecordReader | null;
  #problem: string | null = null;
  /** True when the input holds no whole record. */
  #dry = true;
  /** What `ready()` gave out and is not decided yet: the input is read into once at a time. */
  #pending: Promise<SourceState> | null = null;
  #ended = false;
  #closed = false;
  #frames = 0;
  #wireBytes = 0;

  /** Use `openFileSource`. */
  constructor(name: string, input: ReadBuffer, reader: RecordReader | null, filter: FrameFilter | null) {
    this.description = `capture file ${name}`;
    this.#input = input;
    this.#reader = reader;
    this.#filter = filter;
    if (reader === null) this.#end(input.failure ?? 'The file ends inside its header');
  }

  next(frame: Frame): boolean {
    const reader = this.#reader;
    if (reader === null) return false;
    const filter = this.#filter;
    while (reader.next(frame)) {
      if (filter !== null && !filter.matches(frame)) continue;
      this.#frames++;
      this.#wireBytes += frame.wireLengthBytes;
      this.#dry = false;
      return true;
    }
    this.#dry = true;
    return false;
  }

  ready(): Promise<SourceState> {
    this.#pending ??= this.#readOn().finally(() => {
      this.#pending = null;
    });
    return this.#pending;
  }

  /**
   * What was wrong with the file, in words: it ends inside a record, or is corrupt from some byte on; null when it is
   * sound as far as it was read. Ask when `ready()` has said 'ended'.
   */
  problem(): string | null {
    return this.#problem;
  }

  counters(): CaptureCounters {
    return { frames: this.#frames, bytes: this.#wireBytes, kernelDrops: -1, agentDrops: 0 };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reader = null;
    this.#input.close();
  }

  async #readOn(): Promise<SourceState> {
    if (this.#closed) return 'closed';
    if (this.#ended || this.#reader === null) return 'ended';
    const input = this.#input;
    if (!this.#dry) return 'readable'; // reading on would move the bytes of the frame that was handed out last
    if (this.#reader.problem !== null) return this.#end(this.#reader.problem);
    if (input.available >= input.wanted) return 'readable';
    const more = await input.fill();
    if (this.#closed) return 'closed';
    if (more) return 'readable';
    if (input.failure !== null) return this.#end(`Cannot read past byte ${input.offset}: ${input.failure}`);
    if (input.available > 0) return this.#end(`The file ends inside the record at byte ${input.offset}`);
    return this.#end(null);
  }

  #end(problem: string | null): SourceState {
    this.#ended = true;
    this.#reader = null;
    this.#problem = problem;
    return 'ended';
  }
}
