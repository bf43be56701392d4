import { HttpReader } from '../../../src/protocols/http/http-reader.ts';
import { HttpSearch, type HttpSink } from '../../../src/protocols/http/http-search.ts';

/** Texts that the tests search for. */
export const SEARCH = 'X-Pepe';
export const AVOID = 'kube-probe/';

/** Bytes of one side, or so many bytes that were not captured. */
export interface Step {
  readonly from: 'client' | 'server';
  readonly bytes?: Uint8Array;
  readonly gapBytes?: number;
}

/** What is sent, and what a reader says of it, side by side. */
export interface Dialogue {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly want: readonly string[];
  /** The place of segment boundaries means something here. */
  readonly isWhole?: true;
  readonly midstream?: true;
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
}

/** The client sends a segment. */
export function client(...content: (string | Uint8Array)[]): Step {
  return { from: 'client', bytes: Buffer.concat(content.map(bytesOf)) };
}

/** The server sends a segment. */
export function server(...content: (string | Uint8Array)[]): Step {
  return { from: 'server', bytes: Buffer.concat(content.map(bytesOf)) };
}

/** Bytes of the client that were not captured. */
export function gap(gapBytes: number): Step {
  return { from: 'client', gapBytes };
}

/** Writes every signal as a line. */
export class LogSink implements HttpSink {
  readonly log: string[] = [];

  http(_id: number, requestLine: string, majorVersion: number): void {
    this.log.push(`http/${majorVersion} ${requestLine}`);
  }

  match(_id: number, match: { which: string; requestLine: string; headerLine: string }): void {
    this.log.push(`${match.which}: ${match.requestLine} | ${match.headerLine}`);
  }

  notHttp(): void {
    this.log.push('not http');
  }

  done(_id: number, reason: string): void {
    this.log.push(`done: ${reason}`);
  }
}

/**
 * Feeds a dialogue to a new reader and answers what it said. The bytes of each call stand in the middle of memory that
 * is overwritten afterwards, as those of a packet ring are.
 */
export function run(steps: readonly Step[], options: { midstream?: boolean; search?: HttpSearch } = {}): string[] {
  const sink = new LogSink();
  const search = options.search ?? new HttpSearch(SEARCH, AVOID);
  const reader = new HttpReader(search, sink, 7, options.midstream ?? false);
  for (const step of steps) {
    const side = step.from === 'client' ? reader.initiator : reader.responder;
    if (step.bytes === undefined) {
      side.gap(step.gapBytes ?? 0);
    } else {
      const ring = Buffer.alloc(step.bytes.length + 40, '\r\nX-Pepe');
      ring.set(step.bytes, 20);
      side.data(ring, 20, 20 + step.bytes.length, 1_000);
      ring.fill(0xee);
    }
  }
  reader.finish();
  if (search.budget.usedBytes !== 0) throw new Error(`${search.budget.usedBytes} bytes were not given back`);
  return sink.log;
}

/** The same dialogue with each segment cut in pieces: at one place (every place in turn), or into single bytes. */
export function* splits(steps: readonly Step[]): Generator<readonly Step[]> {
  for (const [index, step] of steps.entries()) {
    const { bytes, from } = step;
    if (bytes === undefined) continue;
    for (let at = 1; at < bytes.length; at++) {
      const parts: Step[] = [
        { from, bytes: bytes.subarray(0, at) },
        { from, bytes: bytes.subarray(at) },
      ];
      yield [...steps.slice(0, index), ...parts, ...steps.slice(index + 1)];
    }
  }
  yield steps.flatMap((step) =>
    step.bytes === undefined
      ? [step]
      : Array.from(step.bytes, (byte) => ({ from: step.from, bytes: Uint8Array.of(byte) })),
  );
}
