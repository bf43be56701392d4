import { LinkType } from './link-type.ts';

/** Which way a frame went, seen from the monitored pod. A capture file does not say. */
export const Direction = { unknown: 0, fromPod: 1, toPod: 2 } as const;

export type Direction = (typeof Direction)[keyof typeof Direction];

/** `Frame.vlanTci` when the kernel took no tag out. */
export const NO_VLAN = -1;

/**
 * One captured frame. A source fills the same object again and again: whoever wants to keep something copies it.
 * The bytes behind `view` belong to the source and stay valid until its next `next()`.
 */
export class Frame {
  /** Memory that holds the frame, usually much more than that: offsets below are into this view. */
  view: DataView = new DataView(new ArrayBuffer(0));
  /** The same memory, byte by byte: the same offsets apply. */
  bytes: Uint8Array = new Uint8Array(0);
  /** First captured byte, in `view`. */
  start = 0;
  /** One past the last captured byte, in `view`. */
  end = 0;
  /** Bytes the frame had on the wire; more than `end - start` when the capture cut it. */
  wireLengthBytes = 0;
  /** When the frame was captured, in microseconds since 1970-01-01 UTC. */
  timeUs = Number.NaN; // a double from the start, so that the field never changes its representation
  linkType: number = LinkType.ethernet;
  direction: Direction = Direction.unknown;
  /** Tag control information of a VLAN tag the kernel took out of the frame, or `NO_VLAN`. */
  vlanTci: number = NO_VLAN;
  /** EtherType of that tag: 0x8100 (802.1Q) or 0x88a8 (802.1ad). */
  vlanTpid = 0;
}
