import { HpackDecoder } from '../protocols/http/hpack-decoder.ts';
import { HttpSearch } from '../protocols/http/http-search.ts';

/** Connections of HTTP/2 whose answers are read; the one that began first makes room. */
const MOST_CONNECTIONS = 1_000;
/** Requests of a connection whose answers are waited for. */
const MOST_REQUESTS = 1_000;

/** What one header block of a responder tells. */
export interface FramedAnswer {
  /** HTTP status; 0 in trailers. */
  readonly status: number;
  /** gRPC status; -1 without. */
  readonly grpcStatus: number;
  /** When its request began, microseconds since 1970-01-01 UTC; NaN when that is not known. */
  readonly sinceUs: number;
}

interface Framed {
  readonly decoder: HpackDecoder;
  /** When requests began, by stream. */
  readonly requests: Map<number, number>;
}

/** Reads statuses in the header blocks of responders (RFC 7541), which have to be decoded one after the other. */
export class FramedAnswers {
  readonly #search = new HttpSearch('', '');
  readonly #connections = new Map<number, Framed>();

  /** A connection of HTTP/2 begins. */
  begin(slot: number): void {
    this.#release(slot);
    if (this.#connections.size >= MOST_CONNECTIONS) {
      for (const oldest of this.#connections.keys()) {
        this.#release(oldest);
        break;
      }
    }
    this.#connections.set(slot, { decoder: new HpackDecoder(this.#search), requests: new Map() });
  }

  /** The initiator begins a stream. */
  asked(slot: number, stream: number, timeUs: number): void {
    const requests = this.#connections.get(slot)?.requests;
    if (requests === undefined) return;
    if (requests.size >= MOST_REQUESTS) requests.clear();
    requests.set(stream, timeUs);
  }

  /** A whole header block of the responder: what it tells, or null. */
  answer(slot: number, stream: number, bytes: Uint8Array, start: number, end: number): FramedAnswer | null {
    const framed = this.#connections.get(slot);
    if (framed === undefined) return null;
    const { decoder, requests } = framed;
    if (decoder.decode(bytes, start, end) !== 'complete') {
      this.#release(slot);
      return null;
    }
    const { status, grpcStatus } = decoder;
    const sinceUs = requests.get(stream) ?? Number.NaN;
    if (status >= 200) requests.delete(stream);
    return { status, grpcStatus, sinceUs };
  }

  /** Header blocks of a connection were missed: what refers to them is not known any more. */
  missed(slot: number): void {
    this.#release(slot);
  }

  #release(slot: number): void {
    this.#connections.get(slot)?.decoder.release();
    this.#connections.delete(slot);
  }
}
