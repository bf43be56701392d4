import type { Frame } from '../model/frame.ts';

export const VLAN_TAG_BYTES = 4;
/** Two Ethernet addresses: a VLAN tag stands behind them (IEEE 802.1Q §9). */
export const ETHERNET_ADDRESSES_BYTES = 12;

/** Moves the addresses of the Ethernet frame at `start` towards the front by a tag's length, and writes its tag behind them. */
export function putTagBack(view: DataView, start: number, frame: Frame): void {
  for (let at = start; at < start + ETHERNET_ADDRESSES_BYTES; at += 4) {
    view.setInt32(at - VLAN_TAG_BYTES, view.getInt32(at));
  }
  const tag = start - VLAN_TAG_BYTES + ETHERNET_ADDRESSES_BYTES;
  view.setUint16(tag, frame.vlanTpid);
  view.setUint16(tag + 2, frame.vlanTci);
}
