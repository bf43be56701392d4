import { LinkType } from '../../src/model/link-type.ts';
import { TcpFlag } from '../../src/model/packet.ts';
import { hex } from '../tools/frame-bytes.ts';
import type { Captured, Exchange } from './captured.ts';

const BEGIN_US = 1_700_000_000e6;
const MTU_PAYLOAD_BYTES = 1_400;
const ETHERNET_BYTES = 14;
const SYN_OPTIONS = hex('020405b4 0402 080a00000001 00000000 01 030307');
const TIMESTAMPS = hex('0101 080a 00000001 00000001');
const { fin: FIN, syn: SYN, rst: RST, psh: PSH, ack: ACK } = TcpFlag;

/** A segment as it is put onto the wire. */
export interface SegmentFields {
  readonly timeUs: number;
  readonly ipVersion: 4 | 6;
  /** Last byte of the addresses: 10.0.0.N, fd00::N. */
  readonly source: number;
  readonly destination: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly flags: number;
  readonly window: number;
  readonly options: Uint8Array;
  readonly payload: Uint8Array;
  readonly ipId: number;
  readonly hopLimit: number;
}

/** Builds an Ethernet frame with a right TCP checksum: what recognises second copies goes by it. */
export function segmentFrame(fields: SegmentFields): Captured {
  const { ipVersion, options, payload } = fields;
  const tcp = Buffer.alloc(20 + options.length + payload.length);
  tcp.writeUInt16BE(fields.sourcePort, 0);
  tcp.writeUInt16BE(fields.destinationPort, 2);
  tcp.writeUInt32BE(fields.sequence >>> 0, 4);
  tcp.writeUInt32BE(fields.acknowledgment >>> 0, 8);
  tcp[12] = (20 + options.length) << 2;
  tcp[13] = fields.flags;
  tcp.writeUInt16BE(fields.window, 14);
  tcp.set(options, 20);
  tcp.set(payload, 20 + options.length);
  const ip = ipVersion === 4 ? ipv4Header(fields, 6, tcp.length) : ipv6Header(fields, tcp.length);
  const addresses = ip.subarray(ipVersion === 4 ? 12 : 8);
  tcp.writeUInt16BE(checksum([addresses, Buffer.from([0, 6, tcp.length >> 8, tcp.length & 0xff]), tcp]), 16);
  return ethernet(fields.timeUs, ipVersion, [ip, tcp]);
}

function ethernet(timeUs: number, ipVersion: 4 | 6, parts: readonly Uint8Array[]): Captured {
  const link = hex(`020000000002 020000000001 ${ipVersion === 4 ? '0800' : '86dd'}`);
  const bytes = Buffer.concat([link, ...parts]);
  return { timeUs, linkType: LinkType.ethernet, bytes, wireLengthBytes: bytes.length };
}

function ipv4Header({ source, destination, ipId, hopLimit }: SegmentFields, protocol: number, length: number): Buffer {
  const ip = hex('45000000 00004000 00000000 0a000000 0a000000');
  ip.writeUInt16BE(20 + length, 2);
  ip.writeUInt16BE(ipId & 0xffff, 4);
  ip[8] = hopLimit;
  ip[9] = protocol;
  ip[15] = source;
  ip[19] = destination;
  return ip;
}

function ipv6Header({ source, destination, hopLimit }: SegmentFields, length: number): Buffer {
  const ip = Buffer.alloc(40);
  ip[0] = 0x60;
  ip.writeUInt16BE(length, 4);
  ip[6] = 6;
  ip[7] = hopLimit;
  ip[8] = 0xfd;
  ip[23] = source;
  ip[24] = 0xfd;
  ip[39] = destination;
  return ip;
}

/** RFC 1071; every part but the last has an even length. */
function checksum(parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 2) sum += ((part[at] ?? 0) << 8) | (part[at + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** An IPv4 ICMP error from 10.0.0.254 that quotes the beginning of a captured packet. */
export function icmpError(timeUs: number, type: number, code: number, mtu: number, quoted: Captured): Captured {
  const packet = quoted.bytes.subarray(ETHERNET_BYTES, ETHERNET_BYTES + 28);
  const header = Buffer.alloc(8);
  header[0] = type;
  header[1] = code;
  header.writeUInt16BE(mtu, 6);
  const length = header.length + packet.length;
  const to = quoted.bytes[ETHERNET_BYTES + 15] ?? 0;
  const fields = { source: 254, destination: to, ipId: 77, hopLimit: 64 } as SegmentFields;
  return ethernet(timeUs, 4, [ipv4Header(fields, 1, length), header, packet]);
}

/** What may be different in a segment of a conversation. */
export interface Change {
  /** Milliseconds after the segment before. */
  readonly afterMs?: number;
  /** Bytes that the numbers lie past what is right. */
  readonly sequence?: number;
  readonly acknowledgment?: number;
  readonly window?: number;
  readonly hopLimit?: number;
  /** Who sends in place of the server: last byte of the address. */
  readonly from?: number;
  /** It is sent, but not captured. */
  readonly isUnseen?: boolean;
}

/** What a conversation is between. */
export interface ConversationOptions {
  readonly serverPort: number;
  readonly clientPort?: number;
  readonly ipVersion?: 4 | 6;
  readonly beginMs?: number;
  /** Last byte of the server's address. */
  readonly server?: number;
}

/** Puts together what is captured of one TCP connection, segment by segment; numbers and acknowledgments follow. */
export class Conversation {
  readonly frames: Captured[] = [];
  readonly #options: Required<ConversationOptions>;
  readonly #next = [0x1234_5678, 0xfff0_0000];
  #timeUs: number;
  #hasServerSpoken = false;
  #ipId: number;

  constructor(options: ConversationOptions) {
    this.#options = { clientPort: 40_000, ipVersion: 4, beginMs: 0, server: 2, ...options };
    this.#timeUs = BEGIN_US + this.#options.beginMs * 1_000;
    this.#ipId = this.#options.clientPort;
  }

  get timeUs(): number {
    return this.#timeUs;
  }

  /** Lets time pass. */
  wait(ms: number): this {
    this.#timeUs += ms * 1_000;
    return this;
  }

  /** Sends one segment as it stands. */
  send(fromClient: boolean, flags: number, payload: string | Uint8Array = '', change: Change = {}): this {
    const { serverPort, clientPort, ipVersion, server } = this.#options;
    const { afterMs = 1, sequence = 0, acknowledgment = 0, window = 502, hopLimit = 64, from = server } = change;
    const bytes = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
    const [own, other] = fromClient ? [0, 1] : [1, 0];
    this.#timeUs += afterMs * 1_000;
    const isSyn = (flags & SYN) !== 0;
    const isRefusal = !fromClient && flags === (RST | ACK) && !this.#hasServerSpoken;
    if (!fromClient && from === server) this.#hasServerSpoken = true;
    const frame = segmentFrame({
      timeUs: this.#timeUs,
      ipVersion,
      source: fromClient ? 1 : from,
      destination: fromClient ? from : 1,
      sourcePort: fromClient ? clientPort : serverPort,
      destinationPort: fromClient ? serverPort : clientPort,
      // who refuses a SYN has no sequence number of its own (RFC 9293 §3.10.7.1)
      sequence: isRefusal ? 0 : (this.#next[own] ?? 0) + sequence,
      acknowledgment: (flags & ACK) === 0 ? 0 : (this.#next[other] ?? 0) + acknowledgment,
      flags,
      window: isSyn ? 64_240 : window,
      options: isSyn ? SYN_OPTIONS : TIMESTAMPS,
      payload: bytes,
      ipId: this.#ipId++,
      hopLimit,
    });
    if (change.isUnseen !== true) this.frames.push(frame);
    if (sequence === 0 && from === server) {
      this.#next[own] = ((this.#next[own] ?? 0) + bytes.length + ((flags & (SYN | FIN)) !== 0 ? 1 : 0)) >>> 0;
    }
    return this;
  }

  syn(change?: Change): this {
    return this.send(true, SYN, '', change);
  }

  synAck(change?: Change): this {
    return this.send(false, SYN | ACK, '', change);
  }

  /** A SYN or SYN-ACK of the same number once more. */
  again(fromClient: boolean, change?: Change): this {
    const own = fromClient ? 0 : 1;
    this.#next[own] = ((this.#next[own] ?? 0) - 1) >>> 0;
    return fromClient ? this.syn(change) : this.synAck(change);
  }

  open(): this {
    return this.syn().synAck().ack(true);
  }

  ack(fromClient: boolean, change?: Change): this {
    return this.send(fromClient, ACK, '', change);
  }

  /** The client's bytes in segments, acknowledged by the server. */
  ask(payload: string | Uint8Array, change?: Change): this {
    return this.#data(true, payload, change).ack(false, { afterMs: 0.1 });
  }

  /** The server's bytes in segments, acknowledged by the client. */
  answer(payload: string | Uint8Array, change?: Change): this {
    return this.#data(false, payload, change).ack(true, { afterMs: 0.1 });
  }

  fin(fromClient: boolean, change?: Change): this {
    return this.send(fromClient, FIN | ACK, '', change);
  }

  rst(fromClient: boolean, change?: Change): this {
    return this.send(fromClient, RST | ACK, '', change);
  }

  /** Both sides say goodbye. */
  close(clientFirst = true): this {
    return this.fin(clientFirst).fin(!clientFirst).ack(clientFirst);
  }

  exchange(name: string, isGood: boolean): Exchange {
    return { name, isGood, frames: this.frames };
  }

  #data(fromClient: boolean, payload: string | Uint8Array, change: Change = {}): this {
    const bytes = typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload;
    for (let at = 0; at < bytes.length; at += MTU_PAYLOAD_BYTES) {
      const end = Math.min(bytes.length, at + MTU_PAYLOAD_BYTES);
      const part = at === 0 ? change : { ...change, afterMs: 0.05 };
      this.send(fromClient, ACK | (end === bytes.length ? PSH : 0), bytes.subarray(at, end), part);
    }
    return this;
  }
}
