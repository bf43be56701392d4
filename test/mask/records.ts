import { LinkType } from '../../src/model/link-type.ts';
import { TcpFlag } from '../../src/model/packet.ts';
import { PACKET_RECORD_HEADER_BYTES, type PacketRecords } from '../../src/model/packet-records.ts';
import { turnAround } from '../golden/make-scenario.ts';
import { ethernet, ipv4, ipv6, tcp } from '../tools/frame-bytes.ts';

/** A segment of a connection: where its bytes stand in the stream of their side. */
export interface MaskSegment {
  readonly fromClient: boolean;
  /** Of its first byte; -1 for the SYN. */
  readonly offset: number;
  readonly text?: string;
  /** Payload bytes that were captured; all when missing. */
  readonly captured?: number;
}

const CLIENT_ISN = 0xffff_fff0; // wraps soon
const SERVER_ISN = 0x7fff_fff0;

function frame({ fromClient, offset, text = '' }: MaskSegment, ipVersion: 4 | 6): Buffer {
  const segment = tcp({
    sourcePort: fromClient ? 40_000 : 8_080,
    destinationPort: fromClient ? 8_080 : 40_000,
    sequence: ((fromClient ? CLIENT_ISN : SERVER_ISN) + 1 + offset) >>> 0,
    flags: offset < 0 ? TcpFlag.syn : TcpFlag.ack,
    payload: Buffer.from(text, 'latin1'),
  });
  const packet = ipVersion === 4 ? ipv4(segment) : ipv6(segment);
  return ethernet(fromClient ? packet : turnAround(packet));
}

/** Segments as the packet history cuts them out. */
export function recordsOf(segments: readonly MaskSegment[], ipVersion: 4 | 6 = 4): PacketRecords {
  const bytes = segments.flatMap((segment) => {
    const whole = frame(segment, ipVersion);
    const { text = '', captured = text.length } = segment;
    const cut = whole.subarray(0, whole.length - text.length + captured);
    const header = Buffer.alloc(PACKET_RECORD_HEADER_BYTES);
    header.writeUInt32LE(cut.length, 8);
    header.writeUInt32LE(whole.length, 12);
    return [header, cut];
  });
  return { linkType: LinkType.ethernet, packets: segments.length, omittedPackets: 0, bytes: Buffer.concat(bytes) };
}

/** The payloads of records, as text, in their order. */
export function payloadsOf({ bytes }: PacketRecords, ipVersion: 4 | 6 = 4): string[] {
  const headers = 14 + (ipVersion === 4 ? 20 : 40) + 20;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const payloads: string[] = [];
  for (let at = 0; at < view.length; ) {
    const start = at + PACKET_RECORD_HEADER_BYTES;
    const end = start + view.readUInt32LE(at + 8);
    payloads.push(view.toString('latin1', start + headers, end));
    at = end;
  }
  return payloads;
}
