import { ConnectionType, Side } from '../model/connection.ts';
import { type Packet, TcpFlag } from '../model/packet.ts';
import { HttpReader } from '../protocols/http/http-reader.ts';
import type { HttpSearch, HttpSink } from '../protocols/http/http-search.ts';
import { looksLikeHttp } from '../protocols/http/request-line.ts';
import { InOrderStream } from '../protocols/stream/in-order-stream.ts';
import type { StreamBudget } from '../protocols/stream/stream-budget.ts';
import type { TlsContext } from '../protocols/tls/tls-handshake.ts';
import { TlsReader } from '../protocols/tls/tls-reader.ts';

const REQUEST_LINE = new TextEncoder().encode('GET / HTTP/1.1\r\n');

/** What all conversations of a session share. */
export interface ConversationContext extends TlsContext {
  readonly search: HttpSearch;
  readonly httpSink: HttpSink;
  readonly streamBudget: StreamBudget;
}

/**
 * The payload of one connection, both directions in order, for as long as somebody reads it: TLS until its handshake is
 * over, HTTP until nothing is searched in it any more.
 */
export class Conversation {
  readonly tls: TlsReader;
  readonly #http: HttpReader | null;
  readonly #search: HttpSearch;
  readonly #streams: readonly [InOrderStream, InOrderStream];
  #connectionType: ConnectionType = ConnectionType.unknown;
  #begun = false;

  /** `midstream`: the first bytes that come are not those the connection began with. */
  constructor(slot: number, midstream: boolean, context: ConversationContext) {
    const { search, httpSink, streamBudget } = context;
    this.tls = new TlsReader(context);
    if (midstream) this.tls.gap(Side.initiator, 1);
    this.#search = search;
    this.#http = search.isEmpty ? null : new HttpReader(search, httpSink, slot, midstream);
    this.#streams = [this.#stream(Side.initiator, streamBudget), this.#stream(Side.responder, streamBudget)];
  }

  /** False when nobody reads any more. */
  get wantsBytes(): boolean {
    if (this.tls.wantsBytes) return true;
    return this.#http !== null && !this.#http.finished && !this.tls.isTls && !this.#search.isEmpty;
  }

  /** False when nothing was searched as it began: no head of a request in it was looked at. */
  get searches(): boolean {
    return this.#http !== null;
  }

  get connectionType(): ConnectionType {
    if (this.tls.isTls) return ConnectionType.tls;
    return this.#http?.isHttp ? ConnectionType.http : this.#connectionType;
  }

  /** Says with which sequence number the payload of a side begins. */
  begin(side: Side, sequence: number): void {
    this.#streams[side].begin(sequence);
  }

  /** The initiator began with plain text that nobody fed: the TLS reader has to know. */
  assumePlainText(type: ConnectionType): void {
    this.#begun = true;
    this.#connectionType = type;
    this.tls.data(Side.initiator, REQUEST_LINE, 0, REQUEST_LINE.length, Number.NaN);
  }

  /** A packet of `side`: its payload, and what it acknowledges of the other side's. */
  packet(side: Side, packet: Packet): void {
    const { flags, payloadLengthBytes } = packet;
    if ((flags & TcpFlag.ack) !== 0) this.#streams[1 - side].acknowledged(packet.acknowledgment);
    if (payloadLengthBytes === 0) return;
    const sequence = (flags & TcpFlag.syn) === 0 ? packet.sequence : (packet.sequence + 1) | 0;
    const { bytes, payloadStart, payloadCapturedBytes, timeUs } = packet;
    this.#streams[side].segment(sequence, bytes, payloadStart, payloadCapturedBytes, payloadLengthBytes, timeUs);
  }

  /** A side has sent FIN or, with `reset`, RST. */
  closed(side: Side, reset: boolean, timeUs: number): void {
    this.tls.closed(side, reset, timeUs);
  }

  /** Gives back what is held. */
  release(): void {
    this.#http?.finish();
    this.tls.release();
    for (const stream of this.#streams) stream.release();
  }

  #stream(side: Side, budget: StreamBudget): InOrderStream {
    const http = side === Side.initiator ? this.#http?.initiator : this.#http?.responder;
    const consumer = {
      data: (bytes: Uint8Array, start: number, end: number, timeUs: number) => {
        if (!this.#begun) this.#classify(bytes, start, end);
        if (this.tls.wantsBytes) this.tls.data(side, bytes, start, end, timeUs);
        if (http !== undefined && !this.tls.isTls) http.data(bytes, start, end, timeUs);
      },
      gap: (lengthBytes: number) => {
        if (this.tls.wantsBytes) this.tls.gap(side, lengthBytes);
        if (http !== undefined && !this.tls.isTls) http.gap(lengthBytes);
      },
    };
    return new InOrderStream(consumer, budget);
  }

  /** What the first bytes look like, where no reader knows better. */
  #classify(bytes: Uint8Array, start: number, end: number): void {
    this.#begun = true;
    this.#connectionType = plainType(bytes, start, end);
  }
}

/** What the first bytes of a connection look like when they are not TLS. */
export function plainType(bytes: Uint8Array, start: number, end: number): ConnectionType {
  if (looksLikeHttp(bytes, start, end)) return ConnectionType.http;
  return isText(bytes, start, end) ? ConnectionType.plain : ConnectionType.unknown;
}

/** Whether the first bytes are printable ASCII, as in most text protocols. */
function isText(bytes: Uint8Array, start: number, end: number): boolean {
  const last = Math.min(end, start + 8);
  for (let at = start; at < last; at++) {
    const byte = bytes[at];
    if ((byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) || byte > 0x7e) return false;
  }
  return true;
}
