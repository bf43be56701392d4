import { type IpExtent, PROTOCOL_TCP, transportOffset } from '../layers/ip.ts';
import { ipOffset } from '../layers/link.ts';
import { readTcp } from '../layers/tcp.ts';
import { Verdict } from '../layers/verdict.ts';
import { Frame } from '../model/frame.ts';
import { Packet, TcpFlag } from '../model/packet.ts';
import { PACKET_RECORD_HEADER_BYTES, type PacketRecords } from '../model/packet-records.ts';
import { HeaderValues } from './header-values.ts';
import { PayloadStream, type Run } from './payload-stream.ts';
import { isChecksumRight, writeChecksum } from './tcp-checksum.ts';

const MASK = 0x2a; // *

/** Called with each segment of the records; `tcp` is where its header begins. The packet is reused. */
type SegmentVisitor = (packet: Packet, tcp: number) => void;

/**
 * Masks the values of HTTP/1 header fields in the packets of one connection: each byte of them becomes `*`, so that
 * lengths stay. Segments may come split, twice and out of order. A TCP checksum that was right is right afterwards; one
 * that was not, as where the network card computes it, stays as it is.
 */
export class HttpHeaderMask {
  readonly #values: HeaderValues | null;

  /** `names` of header fields, in any case; none: nothing is masked. */
  constructor(names: readonly string[]) {
    this.#values = names.length === 0 ? null : new HeaderValues(names);
  }

  /** Masks in place. Never throws, whatever the packets are. */
  apply(records: PacketRecords): void {
    const values = this.#values;
    if (values === null) return;
    const ends = new TwoEnds();
    const streams = [new PayloadStream(), new PayloadStream()] as const;
    forEachSegment(records, (packet) => {
      const { sequence, flags, payloadStart, payloadCapturedBytes } = packet;
      const isSyn = (flags & TcpFlag.syn) !== 0;
      streams[ends.sideOf(packet)].add(sequence, isSyn, payloadStart, payloadCapturedBytes);
    });
    const isMasked = new Uint8Array(records.bytes.length);
    let any = false;
    for (const stream of streams) {
      if (this.#mark(values, stream, records.bytes, isMasked)) any = true;
    }
    if (any) forEachSegment(records, (packet, tcp) => maskSegment(packet, tcp, isMasked));
  }

  /** Marks the bytes of `memory` that are to be masked in one direction; says whether there are any. */
  #mark(values: HeaderValues, stream: PayloadStream, memory: Uint8Array, isMasked: Uint8Array): boolean {
    let wasOpen = false;
    let any = false;
    for (const run of stream.runs()) {
      const start = run.offset === stream.begin ? 'begins' : wasOpen ? 'open' : 'missing';
      const { ranges, isOpen } = values.find(textOf(run, memory), start);
      wasOpen = isOpen;
      if (ranges.length === 0) continue;
      any = true;
      markRun(run, ranges, isMasked);
    }
    return any;
  }
}

/** The bytes of a run as Latin-1 text; of bytes that came twice the first copy counts. */
function textOf({ offset, bytes, payloads }: Run, memory: Uint8Array): string {
  const run = Buffer.allocUnsafe(bytes);
  let filled = 0;
  for (const payload of payloads) {
    const known = filled - (payload.offset - offset);
    if (known >= payload.bytes) continue;
    run.set(memory.subarray(payload.start + known, payload.start + payload.bytes), filled);
    filled += payload.bytes - known;
  }
  return run.toString('latin1');
}

/** Marks pieces of a run, in every copy of them. */
function markRun({ offset, bytes, payloads }: Run, ranges: readonly number[], isMasked: Uint8Array): void {
  const inRun = new Uint8Array(bytes);
  for (let i = 0; i < ranges.length; i += 2) inRun.fill(1, ranges[i], ranges[i + 1]);
  for (const payload of payloads) {
    const from = payload.offset - offset;
    isMasked.set(inRun.subarray(from, from + payload.bytes), payload.start);
  }
}

function maskSegment(packet: Packet, tcp: number, isMasked: Uint8Array): void {
  const { bytes, payloadStart, payloadCapturedBytes, payloadLengthBytes } = packet;
  const end = payloadStart + payloadCapturedBytes;
  const masked = isMasked.subarray(payloadStart, end);
  if (!masked.includes(1)) return;
  const isWhole = payloadCapturedBytes === payloadLengthBytes;
  const wasRight = isWhole && isChecksumRight(packet, tcp);
  for (let at = payloadStart; at < end; at++) if (isMasked[at] === 1) bytes[at] = MASK;
  if (wasRight) writeChecksum(packet, tcp);
}

/** Tells the two ends of a connection apart by the first packet. */
class TwoEnds {
  #port = -1;
  #address = Buffer.alloc(0);

  /** 0: as the first packet went, 1: the other way. */
  sideOf({ bytes, ipVersion, sourceAddress, sourcePort }: Packet): 0 | 1 {
    const length = ipVersion === 4 ? 4 : 16;
    const address = Buffer.from(bytes.buffer, bytes.byteOffset + sourceAddress, length);
    if (this.#port < 0) {
      this.#port = sourcePort;
      this.#address = Buffer.from(address);
    }
    return sourcePort === this.#port && address.equals(this.#address) ? 0 : 1;
  }
}

/** Goes through the TCP segments of the records, in their order. What cannot be read is passed over. */
function forEachSegment({ linkType, bytes }: PacketRecords, visit: SegmentVisitor): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frame = new Frame();
  const packet = new Packet();
  const extent: IpExtent = { end: 0 };
  frame.bytes = packet.bytes = bytes;
  frame.view = packet.view = view;
  frame.linkType = linkType;
  for (let at = 0; at + PACKET_RECORD_HEADER_BYTES <= bytes.length; ) {
    frame.start = at + PACKET_RECORD_HEADER_BYTES;
    frame.end = Math.min(bytes.length, frame.start + view.getUint32(at + 8, true));
    frame.wireLengthBytes = view.getUint32(at + 12, true);
    at = frame.end;
    const ip = ipOffset(frame);
    const tcp = ip < 0 ? -1 : transportOffset(frame, ip, packet, extent);
    if (tcp >= 0 && packet.protocol === PROTOCOL_TCP && readTcp(frame, tcp, packet, extent) === Verdict.tcp)
      visit(packet, tcp);
  }
}
