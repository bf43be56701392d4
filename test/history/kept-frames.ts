import * as assert from 'uvu/assert';
import { Frame, NO_VLAN } from '../../src/model/frame.ts';
import { LinkType } from '../../src/model/link-type.ts';

/** Bytes of the header in front of each packet of a capture file. */
export const RECORD = 16;

const EPOCH_SECONDS = 1_700_000_000;

/** What is known of a packet: everything else follows from it. */
export interface Kept {
  readonly id: number;
  readonly length: number;
}

/** Byte `i` of packet `id`. */
export function byteOf(id: number, i: number): number {
  return (id * 31 + i * 7) & 0xff;
}

/** A frame in memory of its own, for packets of up to 256 KB. */
export function newFrame(): Frame {
  const frame = new Frame();
  frame.bytes = new Uint8Array(256 * 1024);
  frame.view = new DataView(frame.bytes.buffer);
  return frame;
}

/** Makes `frame` the packet `id`, which is its time too. */
export function fill(frame: Frame, id: number, length: number, start = id % 7): Frame {
  for (let i = 0; i < length; i++) frame.bytes[start + i] = id * 31 + i * 7;
  frame.start = start;
  frame.end = start + length;
  frame.wireLengthBytes = length;
  frame.timeUs = EPOCH_SECONDS * 1e6 + id;
  frame.linkType = LinkType.ethernet;
  frame.vlanTci = NO_VLAN;
  return frame;
}

/** Reads records back and checks every byte of them. */
export function readRecords(bytes: Uint8Array): Kept[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const records: Kept[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = view.getUint32(at + 8, true);
    const id = (view.getUint32(at, true) - EPOCH_SECONDS) * 1e6 + view.getUint32(at + 4, true);
    assert.is(view.getUint32(at + 12, true), length);
    for (let i = 0; i < length; i++) {
      if (bytes[at + RECORD + i] !== byteOf(id, i)) assert.unreachable(`byte ${i} of packet ${id}`);
    }
    records.push({ id, length });
    at += RECORD + length;
  }
  return records;
}

/** Bytes of packets as records of a capture file. */
export function sizeOf(packets: readonly Kept[]): number {
  return packets.reduce((sum, packet) => sum + RECORD + packet.length, 0);
}
