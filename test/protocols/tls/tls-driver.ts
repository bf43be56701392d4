import { Side } from '../../../src/model/connection.ts';
import { InOrderStream } from '../../../src/protocols/stream/in-order-stream.ts';
import { StreamBudget } from '../../../src/protocols/stream/stream-budget.ts';
import { CertificateCache } from '../../../src/protocols/tls/certificate.ts';
import { TlsReader } from '../../../src/protocols/tls/tls-reader.ts';
import type { TlsSignal } from '../../../src/protocols/tls/tls-signal.ts';

/** A TCP segment as the tests need it. */
export interface Segment {
  readonly timeUs: number;
  readonly source: string;
  readonly destination: string;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly flags: number;
  readonly payload: Uint8Array;
  readonly lengthBytes: number;
}

/** TCP segments of a classic pcap (Ethernet, loopback or Linux cooked; IPv4 and IPv6 without extension headers). */
export function readPcap(file: Uint8Array): Segment[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const magic = view.getUint32(0, true);
  const little = magic === 0xa1b2c3d4 || magic === 0xa1b23c4d;
  const nano = magic === 0xa1b23c4d || view.getUint32(0, false) === 0xa1b23c4d;
  const linkType = view.getUint32(20, little);
  const ipOffset = { 1: 14, 0: 4, 113: 16, 276: 20, 101: 0 }[linkType];
  if (ipOffset === undefined) throw new Error(`Cannot read link type ${linkType}`);
  const segments: Segment[] = [];
  for (let at = 24; at + 16 <= file.length; ) {
    const fraction = view.getUint32(at + 4, little);
    const timeUs = view.getUint32(at, little) * 1e6 + (nano ? fraction / 1000 : fraction);
    const length = view.getUint32(at + 8, little);
    const segment = readIp(file.subarray(at + 16 + ipOffset, at + 16 + length), timeUs);
    if (segment !== null) segments.push(segment);
    at += 16 + length;
  }
  return segments;
}

function readIp(ip: Uint8Array, timeUs: number): Segment | null {
  if (ip.length < 40) return null;
  const view = new DataView(ip.buffer, ip.byteOffset, ip.byteLength);
  const version = view.getUint8(0) >> 4;
  const four = version === 4;
  if ((!four && version !== 6) || view.getUint8(four ? 9 : 6) !== 6) return null;
  const tcp = four ? (view.getUint8(0) & 15) * 4 : 40;
  const total = four ? view.getUint16(2) : 40 + view.getUint16(4);
  const address = (from: number) => Buffer.from(ip.subarray(from, from + (four ? 4 : 16))).toString('hex');
  const payload = tcp + (view.getUint8(tcp + 12) >> 4) * 4;
  return {
    timeUs,
    source: `${address(four ? 12 : 8)}:${view.getUint16(tcp)}`,
    destination: `${address(four ? 16 : 24)}:${view.getUint16(tcp + 2)}`,
    sequence: view.getInt32(tcp + 4),
    acknowledgment: view.getInt32(tcp + 8),
    flags: view.getUint8(tcp + 13),
    payload: ip.subarray(payload, Math.max(payload, Math.min(ip.length, total))),
    lengthBytes: Math.max(0, total - payload),
  };
}

/** One connection: two streams into one reader. */
export class TlsConnection {
  readonly reader: TlsReader;
  readonly signals: TlsSignal[] = [];
  readonly client: string;
  readonly server: string;
  readonly #streams: readonly [InOrderStream, InOrderStream];

  constructor(client: string, server: string, certificates: CertificateCache, budget: StreamBudget) {
    this.client = client;
    this.server = server;
    this.reader = new TlsReader({ certificates, messageBudget: new StreamBudget(1 << 24) });
    const stream = (side: Side) =>
      new InOrderStream(
        {
          data: (bytes, start, end, timeUs) => this.reader.data(side, bytes, start, end, timeUs),
          gap: (length) => this.reader.gap(side, length),
        },
        budget,
      );
    this.#streams = [stream(Side.initiator), stream(Side.responder)];
  }

  segment(segment: Segment): void {
    const side = segment.source === this.client ? Side.initiator : Side.responder;
    const stream = this.#streams[side];
    const syn = (segment.flags & 2) !== 0;
    const sequence = syn ? (segment.sequence + 1) | 0 : segment.sequence;
    if (syn) stream.begin(sequence);
    if ((segment.flags & 0x10) !== 0) this.#streams[side === 0 ? 1 : 0].acknowledged(segment.acknowledgment);
    stream.segment(sequence, segment.payload, 0, segment.payload.length, segment.lengthBytes, segment.timeUs);
    if ((segment.flags & 5) !== 0) this.reader.closed(side, (segment.flags & 4) !== 0, segment.timeUs);
    this.signals.push(...this.reader.takeSignals());
  }
}

/** Feeds a capture; every SYN begins a connection. */
export function followTls(segments: readonly Segment[]): TlsConnection[] {
  const certificates = new CertificateCache();
  const budget = new StreamBudget(16 << 20);
  const open = new Map<string, TlsConnection>();
  const all: TlsConnection[] = [];
  for (const segment of segments) {
    const forward = `${segment.source} ${segment.destination}`;
    let connection = open.get(forward) ?? open.get(`${segment.destination} ${segment.source}`);
    if ((segment.flags & 0x12) === 2 || connection === undefined) {
      connection = new TlsConnection(segment.source, segment.destination, certificates, budget);
      open.delete(`${segment.destination} ${segment.source}`);
      open.set(forward, connection);
      all.push(connection);
    }
    connection.segment(segment);
  }
  return all;
}
