import { ConnectionType, Side } from '../model/connection.ts';
import { type Packet, TcpFlag } from '../model/packet.ts';
import { sequenceDiff } from '../model/sequence.ts';
import { HttpReader } from '../protocols/http/http-reader.ts';
import type { HttpSearch, HttpSink } from '../protocols/http/http-search.ts';
import { looksLikeHttp } from '../protocols/http/request-line.ts';
import { beginsProxyHeader, readProxyHeader } from '../protocols/proxy-protocol.ts';
import { InOrderStream } from '../protocols/stream/in-order-stream.ts';
import type { StreamBudget } from '../protocols/stream/stream-budget.ts';
import type { TlsContext } from '../protocols/tls/tls-context.ts';
import { TlsReader } from '../protocols/tls/tls-reader.ts';

const EMPTY = new Uint8Array(0);

interface Fin {
  readonly sequence: number;
  readonly timeUs: number;
}

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
  /** FINs whose sides' bytes have not all come yet. */
  readonly #fins: [Fin | null, Fin | null] = [null, null];
  /** Sides that have sent FIN: an acknowledgment may then stand one past their last byte. */
  readonly #finSeen: [boolean, boolean] = [false, false];
  /** Not null while the initiator's first bytes may be a PROXY protocol header: what is there of it. */
  #proxyBytes: Uint8Array | null = EMPTY;
  /** The source that a PROXY protocol header named, until it is taken; empty when there was none. */
  #proxiedFrom = '';

  /** `midstream`: the first bytes that come are not those the connection began with. */
  constructor(slot: number, midstream: boolean, context: ConversationContext) {
    const { search, httpSink, streamBudget } = context;
    this.tls = new TlsReader(context);
    if (midstream) this.tls.missedBeginning(Side.initiator);
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

  /** Returns the source that a PROXY protocol header named, once; empty when there is none. */
  takeProxiedFrom(): string {
    const source = this.#proxiedFrom;
    if (source !== '') this.#proxiedFrom = '';
    return source;
  }

  /** Nobody knows whether the first bytes that come of a side are those it began with. */
  missedBeginning(side: Side): void {
    this.tls.missedBeginning(side);
  }

  /** Says with which sequence number the payload of a side begins. */
  begin(side: Side, sequence: number): void {
    this.#streams[side].begin(sequence);
  }

  /** The initiator began with plain text that nobody fed: the TLS reader has to know. */
  assumePlainText(type: ConnectionType): void {
    this.#begun = true;
    this.#proxyBytes = null;
    this.#connectionType = type;
    this.tls.data(Side.initiator, REQUEST_LINE, 0, REQUEST_LINE.length, Number.NaN);
  }

  /** A packet of `side`: its payload, and what it acknowledges of the other side's. */
  packet(side: Side, packet: Packet): void {
    const { flags, payloadLengthBytes } = packet;
    const other = (1 - side) as Side;
    if ((flags & TcpFlag.ack) !== 0) {
      const stream = this.#streams[other];
      stream.acknowledged(packet.acknowledgment);
      // who answers what was not captured, or not yet: the order of the two sides' bytes proves nothing any more
      if (payloadLengthBytes > 0 && this.#isUnseen(other, packet.acknowledgment)) this.tls.outOfOrder(other);
    }
    if (payloadLengthBytes === 0) return;
    const sequence = (flags & TcpFlag.syn) === 0 ? packet.sequence : (packet.sequence + 1) | 0;
    const { bytes, payloadStart, payloadCapturedBytes, timeUs } = packet;
    this.#streams[side].segment(sequence, bytes, payloadStart, payloadCapturedBytes, payloadLengthBytes, timeUs);
    this.#settleFin(side);
  }

  /** A side has sent FIN, which stands at `sequence`. It counts once all bytes before it have come. */
  finished(side: Side, sequence: number, timeUs: number): void {
    this.#fins[side] = { sequence, timeUs };
    this.#finSeen[side] = true;
    if (this.#streams[1 - side].isWaiting) this.tls.outOfOrder((1 - side) as Side);
    this.#settleFin(side);
  }

  /** A RST ended the connection. */
  reset(side: Side, timeUs: number): void {
    for (const each of [Side.initiator, Side.responder]) {
      if (this.#streams[each].isWaiting || this.#fins[each] !== null) this.tls.outOfOrder(each);
    }
    this.tls.closed(side, true, timeUs);
  }

  #settleFin(side: Side): void {
    const fin = this.#fins[side];
    const stream = this.#streams[side];
    if (fin === null || (stream.hasBegun && sequenceDiff(fin.sequence, stream.nextSequence) > 0)) return;
    this.#fins[side] = null;
    this.tls.closed(side, false, fin.timeUs);
  }

  /** Whether a side must have sent bytes up to `acknowledgment` that have not come. */
  #isUnseen(side: Side, acknowledgment: number): boolean {
    const stream = this.#streams[side];
    const finLength = this.#finSeen[side] ? 1 : 0;
    return stream.hasBegun && sequenceDiff(acknowledgment, stream.nextSequence) > finLength;
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
      data: (allBytes: Uint8Array, first: number, last: number, timeUs: number) => {
        const isFirst = side === Side.initiator && this.#proxyBytes !== null;
        const behind = isFirst ? this.#behindProxyHeader(allBytes.subarray(first, last)) : null;
        if (isFirst && behind === null) return;
        const [bytes, start, end] = behind === null ? [allBytes, first, last] : [behind, 0, behind.length];
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

  /** Takes a PROXY protocol header off the initiator's first bytes: what is behind it, null while that is not there. */
  #behindProxyHeader(piece: Uint8Array): Uint8Array | null {
    const before = this.#proxyBytes ?? EMPTY;
    const bytes = before.length === 0 ? piece : Buffer.concat([before, piece]);
    const header = beginsProxyHeader(bytes, 0, bytes.length) ? readProxyHeader(bytes, 0, bytes.length) : null;
    this.#proxyBytes = header === 'more' ? Uint8Array.from(bytes) : null;
    if (header === 'more') return null;
    if (header === null) return bytes;
    this.#proxiedFrom = header.source;
    return header.lengthBytes === bytes.length ? null : bytes.subarray(header.lengthBytes);
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
