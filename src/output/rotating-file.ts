import { ASSERTING, assert } from '../model/assert.ts';
import { BEAT_MS } from '../model/beat.ts';
import { MEBIBYTE } from '../model/mebibyte.ts';
import { type MemoryRoom, UNBOUNDED_ROOM } from '../model/memory-room.ts';
import type { FileNaming } from './file-names.ts';
import { LineBuffer, NEW_LINE } from './line-buffer.ts';
import { NO_PART, WholeLineWriter } from './whole-line-writer.ts';

/** How a file gathers, turns over and reports. */
export interface RotatingFileOptions {
  readonly directory: string;
  /** Under which names the parts come. */
  readonly naming: FileNaming;
  /** How long a line may wait for others before it is written. */
  readonly flushDelayMs: number;
  /** How long a disk that failed is left alone. */
  readonly retryDelayMs?: number;
  /** First line of each part, without its end. */
  readonly header?: string;
  /** Lines after which a part is full, the header not counted. */
  readonly maxLines?: number;
  /** Bytes after which a part is full; it may pass this by one line. */
  readonly maxBytes?: number;
  /** Bytes that may wait; lines that do not fit are dropped and counted. */
  readonly maxBacklogBytes?: number;
  /** Asked for memory of lines that wait; there is always some when absent. */
  readonly room?: MemoryRoom;
  /** Called with the bytes of each write that succeeded. */
  readonly onWritten?: (bytes: number) => void;
  /** Called with one line for each attempt that failed: one a second while the disk fails. */
  readonly onError?: (message: string) => void;
}

/** What a file counted since it was made. */
export interface FileCounters {
  readonly writtenLines: number;
  readonly writtenBytes: number;
  /** Lines that are lost: no room to wait, or not written when the file was closed. */
  readonly lostLines: number;
  readonly lostBytes: number;
  /** Attempts to open or to write that failed. */
  readonly errors: number;
}

interface Chunk {
  readonly buffer: LineBuffer;
  part: number;
  /** When the part began. */
  partTimeUs: number;
  /** Bytes at the front of the buffer that are already on disk: whole lines. */
  writtenBytes: number;
}

const DEFAULT_BACKLOG_BYTES = 8 * MEBIBYTE;
/** A chunk this long is written without waiting for the flush delay. */
const CHUNK_BYTES = 64 * 1024;
const MAX_SPARE_CHUNKS = 2;
/** Lines that wait may have so much in any case; more is asked for by as much. */
const ROOM_PIECE_BYTES = 256 * 1024;
const USUAL_RETRY_DELAY_MS = 1000;

/**
 * A file of lines in parts, written behind the caller's back: lines gather in memory and go out asynchronously, at
 * most one write at a time. A failing disk stops nothing; it is tried again every second, with a new file where the
 * old one is lost. Whole lines only: what part of a line a failed write left behind is cut off again.
 */
export class RotatingFile {
  readonly #options: RotatingFileOptions;
  readonly #maxLines: number;
  readonly #maxBytes: number;
  readonly #maxBacklogBytes: number;
  readonly #room: MemoryRoom;

  #fill: Chunk = newChunk();
  #lineStart = 0;
  #partLines = 0;
  #partBytes = 0;
  readonly #full: Chunk[] = [];
  readonly #spare: Chunk[] = [];
  #backlogBytes = 0;
  /** What may wait, as far as there is room. */
  #grantedBytes = ROOM_PIECE_BYTES;
  #closed = false;

  readonly #writer: WholeLineWriter;
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;
  #failing = false;
  readonly #counters = { writtenLines: 0, writtenBytes: 0, lostLines: 0, lostBytes: 0, errors: 0 };

  constructor(options: RotatingFileOptions) {
    this.#options = options;
    this.#maxLines = options.maxLines ?? Number.POSITIVE_INFINITY;
    this.#maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
    this.#maxBacklogBytes = options.maxBacklogBytes ?? DEFAULT_BACKLOG_BYTES;
    this.#room = options.room ?? UNBOUNDED_ROOM;
    const header = options.header === undefined ? '' : `${options.header}\n`;
    this.#writer = new WholeLineWriter(options.directory, options.naming, header, (bytes) => {
      this.#counters.writtenBytes += bytes;
      options.onWritten?.(bytes);
    });
  }

  /** Name of the file that is open now, null when none is. */
  get openName(): string | null {
    return this.#writer.openName;
  }

  /** Bytes of lines that wait to be written. */
  get backlogBytes(): number {
    return this.#backlogBytes;
  }

  /** Counters up to now; the object stays the same and changes. */
  get counters(): FileCounters {
    return this.#counters;
  }

  /** Makes the first part appear, with its header, without waiting for a line. */
  start(timeUs: number): void {
    if (this.#fill.part !== NO_PART || this.#closed) return;
    this.#beginPart(timeUs);
    this.#queueFill();
    void this.#kick();
  }

  /**
   * Where the next line is to be appended; `timeUs` names the part when a new one begins with it. The buffer belongs
   * to the file and is valid until `endLine`, which must follow before anything else is asked of the file.
   */
  beginLine(timeUs: number): LineBuffer {
    if (this.#partLines >= this.#maxLines || this.#partBytes >= this.#maxBytes || this.#fill.part === NO_PART) {
      this.#beginPart(timeUs);
    }
    const { buffer } = this.#fill;
    this.#lineStart = buffer.length;
    return buffer;
  }

  /** Ends the line that was appended since `beginLine`. */
  endLine(): void {
    const { buffer } = this.#fill;
    buffer.newLine();
    const bytes = buffer.length - this.#lineStart;
    if (ASSERTING) assert(bytes > 0, 'endLine follows beginLine');
    if (this.#backlogBytes + bytes > this.#maxBacklogBytes || this.#closed || !this.#hasRoom(bytes)) {
      buffer.length = this.#lineStart;
      this.#counters.lostLines++;
      this.#counters.lostBytes += bytes;
      return;
    }
    this.#backlogBytes += bytes;
    this.#partLines++;
    this.#partBytes += bytes;
    if (buffer.length >= CHUNK_BYTES) {
      this.#queueFill();
      if (!this.#failing) void this.#kick();
    }
    if (this.#timer === null && this.#running === null) this.#arm(this.#options.flushDelayMs);
  }

  /**
   * Writes what waits. Resolves when it is on its way to the disk (not synced), or when an attempt failed: then
   * `backlogBytes` is not 0. Never rejects.
   */
  async flush(): Promise<void> {
    if (this.#backlogBytes > 0 || this.#running !== null) await this.#kick();
  }

  /** For producers that can wait, as a replay can: resolves at once unless half of what may wait is waiting. */
  async drain(): Promise<void> {
    if (this.#backlogBytes > this.#maxBacklogBytes / 2) await this.#kick();
  }

  /** Writes what waits, with one last attempt where the disk fails, and closes the file. Never rejects; idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.flush();
    if (this.#backlogBytes > 0) await this.flush(); // what failed may have begun long before
    this.#disarm();
    for (const chunk of [...this.#full, this.#fill]) this.#countLost(chunk);
    this.#full.length = 0;
    this.#backlogBytes = 0;
    try {
      await this.#writer.close();
    } catch (error) {
      this.#countError(error);
    }
  }

  #beginPart(timeUs: number): void {
    if (this.#fill.buffer.length > 0) this.#queueFill();
    this.#fill.part++;
    this.#fill.partTimeUs = timeUs;
    this.#partLines = 0;
    this.#partBytes = 0;
  }

  #queueFill(): void {
    const filled = this.#fill;
    this.#full.push(filled);
    const chunk = this.#spare.pop() ?? newChunk();
    chunk.part = filled.part;
    chunk.partTimeUs = filled.partTimeUs;
    this.#fill = chunk;
  }

  /** Writes at the last beat within so long. */
  #arm(delayMs: number): void {
    const sinceBeatMs = (performance.now() + delayMs) % BEAT_MS;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        void this.#kick();
      },
      Math.max(1, delayMs - sinceBeatMs),
    );
  }

  #disarm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Starts writing unless that is under way; resolves when nothing waits any more or an attempt failed. */
  #kick(): Promise<void> {
    this.#disarm();
    this.#running ??= this.#writeAll();
    return this.#running;
  }

  async #writeAll(): Promise<void> {
    try {
      await this.#writer.check();
      while (this.#full.length > 0 || this.#fill.buffer.length > 0) {
        if (this.#full.length === 0) this.#queueFill();
        await this.#writeChunk(this.#full[0]);
        this.#recycle(this.#full.shift() as Chunk);
        this.#failing = false;
      }
    } catch (error) {
      if (!this.#closed) this.#arm(this.#options.retryDelayMs ?? USUAL_RETRY_DELAY_MS);
      this.#countError(error);
    } finally {
      this.#running = null; // in the same turn as the last look at the queue, so that no line is forgotten
    }
  }

  async #writeChunk(chunk: Chunk): Promise<void> {
    const { buffer, part, partTimeUs } = chunk;
    do {
      const lines = buffer.bytes.subarray(chunk.writtenBytes, buffer.length);
      const written = await this.#writer.write(part, partTimeUs, lines);
      this.#counters.writtenLines += countLines(lines, written);
      chunk.writtenBytes += written;
      this.#backlogBytes -= written;
      if (ASSERTING) assert(this.#backlogBytes >= 0, 'no more is written than waits');
    } while (chunk.writtenBytes < buffer.length);
    if (this.#grantedBytes > ROOM_PIECE_BYTES && this.#backlogBytes < ROOM_PIECE_BYTES) this.#giveBack();
  }

  /** Whether so many bytes more may wait; asks for room where that is needed. */
  #hasRoom(bytes: number): boolean {
    while (this.#backlogBytes + bytes > this.#grantedBytes) {
      if (!this.#room.take(ROOM_PIECE_BYTES)) return false;
      this.#grantedBytes += ROOM_PIECE_BYTES;
    }
    return true;
  }

  #giveBack(): void {
    this.#room.give(this.#grantedBytes - ROOM_PIECE_BYTES);
    this.#grantedBytes = ROOM_PIECE_BYTES;
  }

  #recycle(chunk: Chunk): void {
    chunk.buffer.length = 0;
    chunk.writtenBytes = 0;
    if (this.#spare.length < MAX_SPARE_CHUNKS) this.#spare.push(chunk);
  }

  #countLost({ buffer, writtenBytes }: Chunk): void {
    const lines = buffer.bytes.subarray(writtenBytes, buffer.length);
    this.#counters.lostLines += countLines(lines, lines.length);
    this.#counters.lostBytes += lines.length;
  }

  #countError(error: unknown): void {
    const { directory, onError } = this.#options;
    this.#failing = true;
    this.#counters.errors++;
    const where = this.openName === null ? directory : `${directory}/${this.openName}`;
    onError?.(`Cannot write ${where}: ${(error as Error).message}; lines wait and are tried again every second`);
  }
}

function newChunk(): Chunk {
  return { buffer: new LineBuffer(), part: NO_PART, partTimeUs: 0, writtenBytes: 0 };
}

/** Lines that end in the first `end` bytes. */
function countLines(bytes: Buffer, end: number): number {
  let lines = 0;
  for (let at = bytes.indexOf(NEW_LINE); at >= 0 && at < end; at = bytes.indexOf(NEW_LINE, at + 1)) lines++;
  return lines;
}
