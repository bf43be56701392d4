import type { PacketSource, SourceState } from '../../src/capture/packet-source.ts';
import type { Frame } from '../../src/model/frame.ts';
import { LinkType } from '../../src/model/link-type.ts';

/** More than the packet path looks at together. */
const BUFFERS = 64;
const BUFFER_BYTES = 2_048;
const [IP_AT, TCP_AT, PAYLOAD_AT] = [14, 34, 54];

/** A TCP segment over IPv4, written into memory that is used again and again. */
export interface WireSegment {
  readonly source: number;
  readonly destination: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgment?: number;
  readonly flags: number;
  readonly window?: number;
  readonly payload?: Uint8Array;
}

/** Makes frames as they are asked for: floods of millions of packets take no memory. Checksums are left out. */
export class Wire {
  timeUs = 1_700_000_000e6;
  readonly #buffers = Array.from({ length: BUFFERS }, () => Buffer.alloc(BUFFER_BYTES));
  readonly #views = this.#buffers.map((buffer) => new DataView(buffer.buffer, buffer.byteOffset, buffer.length));
  #at = 0;
  #length = 0;

  /** Writes a segment, `afterUs` after the packet before. */
  segment(afterUs: number, fields: WireSegment): void {
    const view = this.#next(afterUs);
    const { payload } = fields;
    const payloadBytes = payload?.length ?? 0;
    this.#ip(view, IP_AT, fields, 40 + payloadBytes, 6);
    this.#tcp(view, TCP_AT, fields);
    if (payload !== undefined) this.#buffers[this.#at]?.set(payload, PAYLOAD_AT);
    this.#length = PAYLOAD_AT + payloadBytes;
  }

  /** Writes an ICMP error that quotes a segment, and goes to who sent that. */
  icmpError(afterUs: number, code: number, quoted: WireSegment): void {
    const view = this.#next(afterUs);
    this.#ip(view, IP_AT, { ...quoted, source: 0x0a0000fe, destination: quoted.source }, 56, 1);
    view.setUint16(TCP_AT, code);
    view.setUint32(TCP_AT + 4, 1_200);
    this.#ip(view, TCP_AT + 8, quoted, 1_500, 6);
    view.setUint16(TCP_AT + 28, quoted.sourcePort);
    view.setUint16(TCP_AT + 30, quoted.destinationPort);
    view.setInt32(TCP_AT + 32, quoted.sequence | 0);
    this.#length = TCP_AT + 36;
  }

  /** Gives out the frame that was written last. */
  fill(frame: Frame): void {
    const bytes = this.#buffers[this.#at] as Buffer;
    frame.view = this.#views[this.#at] as DataView;
    frame.bytes = bytes;
    frame.start = 0;
    frame.end = this.#length;
    frame.wireLengthBytes = this.#length;
    frame.timeUs = this.timeUs;
    frame.linkType = LinkType.ethernet;
  }

  #next(afterUs: number): DataView {
    this.timeUs += afterUs;
    this.#at = (this.#at + 1) % BUFFERS;
    const view = this.#views[this.#at] as DataView;
    view.setUint16(12, 0x0800);
    return view;
  }

  #ip(view: DataView, at: number, fields: WireSegment, length: number, protocol: number): void {
    view.setUint16(at, 0x4500);
    view.setUint16(at + 2, length);
    view.setUint32(at + 4, 0x4000);
    view.setUint16(at + 8, 0x4000 | protocol);
    view.setUint32(at + 12, fields.source);
    view.setUint32(at + 16, fields.destination);
  }

  #tcp(view: DataView, at: number, fields: WireSegment): void {
    view.setUint16(at, fields.sourcePort);
    view.setUint16(at + 2, fields.destinationPort);
    view.setInt32(at + 4, fields.sequence | 0);
    view.setInt32(at + 8, (fields.acknowledgment ?? 0) | 0);
    view.setUint8(at + 12, 0x50);
    view.setUint8(at + 13, fields.flags);
    view.setUint16(at + 14, fields.window ?? 65_535);
  }
}

/** A source of what a generator writes onto a wire: a frame each time it yields. */
export class WireSource implements PacketSource {
  readonly description = 'made frames';
  frames = 0;
  readonly #wire: Wire;
  readonly #steps: Iterator<void>;

  constructor(wire: Wire, steps: Iterator<void>) {
    this.#wire = wire;
    this.#steps = steps;
  }

  next(frame: Frame): boolean {
    if (this.#steps.next().done === true) return false;
    this.frames++;
    this.#wire.fill(frame);
    return true;
  }

  ready(): Promise<SourceState> {
    return Promise.resolve('ended');
  }

  counters() {
    return { frames: this.frames, bytes: 0, kernelDrops: 0, agentDrops: 0 };
  }

  close(): void {}
}
