import type { Packet } from '../model/packet.ts';

const PROTOCOL_TCP = 6;
const CHECKSUM_OFFSET = 16;

/** Whether the checksum of a wholly captured segment, at `tcp` in its memory, is right (RFC 9293 §3.1). */
export function isChecksumRight(packet: Packet, tcp: number): boolean {
  return foldedSum(packet, tcp) === 0xffff;
}

/** Makes the checksum of a wholly captured segment right. */
export function writeChecksum(packet: Packet, tcp: number): void {
  packet.view.setUint16(tcp + CHECKSUM_OFFSET, 0);
  packet.view.setUint16(tcp + CHECKSUM_OFFSET, ~foldedSum(packet, tcp) & 0xffff);
}

/** The one's complement sum of segment and pseudo-header (RFC 1071 §1; RFC 8200 §8.1). */
function foldedSum(packet: Packet, tcp: number): number {
  const { view, sourceAddress, destinationAddress, payloadStart, payloadLengthBytes } = packet;
  const end = payloadStart + payloadLengthBytes;
  const addressBytes = packet.ipVersion === 4 ? 4 : 16;
  const length = end - tcp;
  let sum = PROTOCOL_TCP + (length >>> 16) + (length & 0xffff);
  for (let i = 0; i < addressBytes; i += 2) {
    sum += view.getUint16(sourceAddress + i) + view.getUint16(destinationAddress + i);
  }
  let at = tcp;
  for (; at + 1 < end; at += 2) sum += view.getUint16(at);
  if (at < end) sum += view.getUint8(at) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  return sum;
}
