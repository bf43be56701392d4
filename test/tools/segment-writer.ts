import { TcpFlag } from '../../src/model/packet.ts';
import type { PcapFile } from './pcap-file.ts';

const ETHERNET_BYTES = 14;
const IPV4_BYTES = 20;
const IPV6_BYTES = 40;
const TCP_BYTES = 20;
const SYN_OPTION_BYTES = 20;
const TIMESTAMP_OPTION_BYTES = 12;
const TCP_PROTOCOL = 6;
const HOP_LIMIT = 64;
const WINDOW_SCALE = 7;

/** Payload bytes that go into a segment with timestamps on an MTU of 1,500, IPv6 (the same for both, for simplicity). */
export const SEGMENT_BYTES = 1_428;

/** The two ends of a connection. A generator may fill the same object for every segment. */
export interface Endpoints {
  ipv6: boolean;
  /** 4 or 16 bytes. */
  readonly clientAddress: Uint8Array;
  readonly serverAddress: Uint8Array;
  clientPort: number;
  serverPort: number;
}

/** A segment to write; `payload` is taken from `payloadStart` to `payloadEnd`. */
export interface Segment {
  readonly fromClient: boolean;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly flags: number;
  readonly payload?: Uint8Array;
  readonly payloadStart?: number;
  readonly payloadEnd?: number;
}

const NO_BYTES = new Uint8Array(0);

/** Writes TCP segments as Ethernet frames with right lengths and checksums (RFC 1071, RFC 9293 §3.1, RFC 8200 §8.1). */
export class SegmentWriter {
  readonly #file: PcapFile;
  #identification = 1;

  constructor(file: PcapFile) {
    this.#file = file;
  }

  write(timeUs: number, ends: Endpoints, segment: Segment): void {
    const { payload = NO_BYTES, payloadStart = 0, payloadEnd = payload.length } = segment;
    const syn = (segment.flags & TcpFlag.syn) !== 0;
    const tcpHeaderBytes = TCP_BYTES + (syn ? SYN_OPTION_BYTES : TIMESTAMP_OPTION_BYTES);
    const tcpBytes = tcpHeaderBytes + payloadEnd - payloadStart;
    const ipBytes = ends.ipv6 ? IPV6_BYTES : IPV4_BYTES;
    const start = this.#file.record(timeUs, ETHERNET_BYTES + ipBytes + tcpBytes);
    const tcp = start + ETHERNET_BYTES + ipBytes;

    this.#writeEthernet(start, segment.fromClient, ends.ipv6);
    const addressSum = this.#writeIp(start + ETHERNET_BYTES, segment.fromClient, ends, tcpBytes);
    this.#writeTcp(tcp, timeUs, ends, segment, tcpHeaderBytes);
    this.#file.bytes.set(payload.subarray(payloadStart, payloadEnd), tcp + tcpHeaderBytes);
    const sum = this.#sum(tcp, tcp + tcpBytes) + addressSum + TCP_PROTOCOL + tcpBytes;
    this.#file.view.setUint16(tcp + 16, fold(sum));
  }

  #writeEthernet(at: number, fromClient: boolean, ipv6: boolean): void {
    const { view } = this.#file;
    // Locally administered addresses of nobody: a machine that receives the frames does not take them for its own.
    view.setUint32(at, 0x02_00_00_aa);
    view.setUint16(at + 4, fromClient ? 2 : 1);
    view.setUint32(at + 6, 0x02_00_00_aa);
    view.setUint16(at + 10, fromClient ? 1 : 2);
    view.setUint16(at + 12, ipv6 ? 0x86dd : 0x0800);
  }

  /** Writes the IP header; gives the sum of its addresses for the pseudo-header. */
  #writeIp(at: number, fromClient: boolean, ends: Endpoints, tcpBytes: number): number {
    const { view, bytes } = this.#file;
    const source = fromClient ? ends.clientAddress : ends.serverAddress;
    const destination = fromClient ? ends.serverAddress : ends.clientAddress;
    if (ends.ipv6) {
      view.setUint32(at, 0x6000_0000);
      view.setUint16(at + 4, tcpBytes);
      view.setUint8(at + 6, TCP_PROTOCOL);
      view.setUint8(at + 7, HOP_LIMIT);
      bytes.set(source, at + 8);
      bytes.set(destination, at + 24);
      return this.#sum(at + 8, at + 40);
    }
    view.setUint16(at, 0x4500);
    view.setUint16(at + 2, IPV4_BYTES + tcpBytes);
    view.setUint16(at + 4, this.#identification++ & 0xffff);
    view.setUint16(at + 6, 0x4000); // don't fragment
    view.setUint8(at + 8, HOP_LIMIT);
    view.setUint8(at + 9, TCP_PROTOCOL);
    view.setUint16(at + 10, 0);
    bytes.set(source, at + 12);
    bytes.set(destination, at + 16);
    view.setUint16(at + 10, fold(this.#sum(at, at + IPV4_BYTES)));
    return this.#sum(at + 12, at + 20);
  }

  #writeTcp(at: number, timeUs: number, ends: Endpoints, segment: Segment, headerBytes: number): void {
    const { view } = this.#file;
    const syn = (segment.flags & TcpFlag.syn) !== 0;
    view.setUint16(at, segment.fromClient ? ends.clientPort : ends.serverPort);
    view.setUint16(at + 2, segment.fromClient ? ends.serverPort : ends.clientPort);
    view.setUint32(at + 4, segment.sequence);
    view.setUint32(at + 8, segment.acknowledgment);
    view.setUint8(at + 12, headerBytes << 2);
    view.setUint8(at + 13, segment.flags);
    view.setUint16(at + 14, syn ? 64_240 : 502);
    view.setUint32(at + 16, 0); // checksum, urgent pointer
    let option = at + TCP_BYTES;
    if (syn) {
      view.setUint32(option, 0x0204_0000 | (SEGMENT_BYTES + TIMESTAMP_OPTION_BYTES)); // maximum segment size
      view.setUint16(option + 4, 0x0402); // SACK permitted
      option += 6;
    } else {
      view.setUint16(option, 0x0101);
      option += 2;
    }
    const clock = Math.floor(timeUs / 1_000) | 0;
    view.setUint16(option, 0x080a); // timestamps
    view.setUint32(option + 2, clock);
    view.setUint32(option + 6, segment.acknowledgment === 0 ? 0 : clock);
    if (syn) view.setUint32(option + 10, 0x0103_0300 | WINDOW_SCALE);
  }

  /** Sum of 16-bit words, not yet folded; an odd last byte counts as the high one. */
  #sum(from: number, to: number): number {
    const { bytes } = this.#file;
    let sum = 0;
    let at = from;
    for (; at + 1 < to; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    return at < to ? sum + ((bytes[at] ?? 0) << 8) : sum;
  }
}

function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x1_0000);
  return ~folded & 0xffff;
}
