import type { PacketSource, SourceState } from '../../src/capture/packet-source.ts';
import { Decoder } from '../../src/layers/decoder.ts';
import { Verdict } from '../../src/layers/verdict.ts';
import { Frame } from '../../src/model/frame.ts';
import { Packet } from '../../src/model/packet.ts';

/** A frame as a capture has it. */
export interface Captured {
  readonly timeUs: number;
  readonly linkType: number;
  /** Captured bytes. */
  readonly bytes: Uint8Array;
  readonly wireLengthBytes: number;
}

/** What was captured between a few endpoints. */
export interface Exchange {
  readonly name: string;
  /** Nothing is wrong with it: no event may be told of it but 00003. */
  readonly isGood: boolean;
  readonly frames: readonly Captured[];
}

/** What the tests have to know of a frame to perturb it. */
export interface FrameFacts {
  /** The same for both directions of a connection: its endpoints in order. */
  readonly connection: string;
  /** Address and port that it comes from. */
  readonly source: string;
  /** 4, 6, or 0 for what is no TCP segment. */
  readonly ipVersion: 0 | 4 | 6;
  /** Offset of the IP header in the frame. */
  readonly ipAt: number;
  /** Offset of the TCP header. */
  readonly tcpAt: number;
  readonly flags: number;
  readonly payloadBytes: number;
}

const MARGIN_BYTES = 8;

/** Gives out captured frames once. Each lies in memory of its own. */
export class CapturedSource implements PacketSource {
  readonly description = 'captured frames';
  readonly #frames: readonly Captured[];
  #next = 0;

  constructor(frames: readonly Captured[]) {
    this.#frames = frames;
  }

  next(frame: Frame): boolean {
    const captured = this.#frames[this.#next];
    if (captured === undefined) return false;
    this.#next++;
    fill(frame, captured);
    return true;
  }

  ready(): Promise<SourceState> {
    return Promise.resolve('ended');
  }

  counters() {
    return { frames: this.#next, bytes: 0, kernelDrops: 0, agentDrops: 0 };
  }

  close(): void {}
}

function fill(frame: Frame, { bytes, wireLengthBytes, timeUs, linkType }: Captured): void {
  const memory = Buffer.alloc(bytes.length + 2 * MARGIN_BYTES);
  memory.set(bytes, MARGIN_BYTES);
  frame.view = new DataView(memory.buffer, memory.byteOffset, memory.length);
  frame.bytes = memory;
  frame.start = MARGIN_BYTES;
  frame.end = MARGIN_BYTES + bytes.length;
  frame.wireLengthBytes = wireLengthBytes;
  frame.timeUs = timeUs;
  frame.linkType = linkType;
}

/** Reads what has to be known of a frame. */
export function factsOf(captured: Captured): FrameFacts {
  const frame = new Frame();
  const packet = new Packet();
  fill(frame, captured);
  const verdict = new Decoder().decode(frame, packet);
  const address = (at: number) =>
    Buffer.from(frame.bytes.subarray(at, at + (packet.ipVersion === 4 ? 4 : 16))).toString('hex');
  if (verdict !== Verdict.tcp && verdict !== Verdict.icmp) {
    return { connection: '', source: '', ipVersion: 0, ipAt: 0, tcpAt: 0, flags: 0, payloadBytes: 0 };
  }
  const source = `${address(packet.sourceAddress)}:${packet.sourcePort}`;
  const destination = `${address(packet.destinationAddress)}:${packet.destinationPort}`;
  const ipAt = packet.ipHeader - MARGIN_BYTES;
  const isSegment = verdict === Verdict.tcp;
  return {
    connection: [source, destination].sort().join(' '),
    source: isSegment ? source : '',
    ipVersion: isSegment ? (packet.ipVersion === 4 ? 4 : 6) : 0,
    ipAt,
    tcpAt: packet.ipVersion === 4 ? ipAt + ((captured.bytes[ipAt] ?? 0) & 15) * 4 : ipAt + 40,
    flags: packet.flags,
    payloadBytes: packet.payloadLengthBytes,
  };
}

/** Gives a frame another IP id (IPv4), as a segment has that is sent again. */
export function withIpId(captured: Captured, id: number): Captured {
  const { ipVersion, ipAt } = factsOf(captured);
  if (ipVersion !== 4) return captured;
  const bytes = Buffer.from(captured.bytes);
  bytes.writeUInt16BE(id & 0xffff, ipAt + 4);
  return { ...captured, bytes };
}
