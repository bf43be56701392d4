/*
 * Numbers and layouts of linux/if_packet.h, linux/if_ether.h, linux/if_arp.h and linux/filter.h, as they are on every
 * little-endian 64-bit Linux. What is read for every frame stands in ring-words.ts.
 */

import { MEBIBYTE } from '../model/mebibyte.ts';
export const AF_PACKET = 17;
export const SOL_PACKET = 263;
export const ETH_P_ALL = 0x0003;
export const ETH_P_IP = 0x0800;
export const ETH_P_8021Q = 0x8100;
export const ETH_P_IPV6 = 0x86dd;

/** Options of the level SOL_PACKET. */
export const PacketOption = {
  rxRing: 5,
  statistics: 6,
  version: 10,
  ignoreOutgoing: 23,
} as const;

export const TPACKET_V3 = 2;

/** ARPHRD numbers of interfaces whose frames begin with an Ethernet header. */
export const Arphrd = { ethernet: 1, loopback: 772 } as const;

export const SOCKADDR_LL_BYTES = 20;

/** Offset of `sll_ifindex` in `struct sockaddr_ll`. */
export const SLL_IFINDEX_OFFSET = 4;

/** Offset of `sll_hatype` in `struct sockaddr_ll`. */
export const SLL_HATYPE_OFFSET = 8;

/** `struct sockaddr_ll` to bind a packet socket with; protocol 0 lets nothing in. */
export function packetAddress(interfaceIndex: number, protocol: number): Buffer {
  const address = Buffer.alloc(SOCKADDR_LL_BYTES);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(protocol, 2);
  address.writeInt32LE(interfaceIndex, SLL_IFINDEX_OFFSET);
  return address;
}

/** How a ring is cut: blocks are handed over whole, and a frame never crosses a block. */
export interface RingShape {
  readonly blockBytes: number;
  readonly blockCount: number;
}

export const LARGEST_BLOCK_BYTES = MEBIBYTE / 2;

/**
 * Blocks for a ring of `ringMb` MiB: 512 KiB each, so that one and a copy of it fit into the second-level cache, and so
 * does the longest frame of segmentation offload (512 KiB with BIG TCP) but for its last bytes; in rings below 4 MiB
 * 256 KiB, so that the kernel still has blocks to fill while one is read.
 */
export function ringShape(ringMb: number): RingShape {
  const blockBytes = ringMb < 4 ? MEBIBYTE / 4 : LARGEST_BLOCK_BYTES;
  return { blockBytes, blockCount: Math.max(2, Math.round((ringMb * MEBIBYTE) / blockBytes)) };
}

const FRAME_UNIT_BYTES = 2048; // only has to divide the block: frames of TPACKET_V3 have any length

/** `struct tpacket_req3`. */
export function ringRequest(shape: RingShape, retireMs: number): Buffer {
  const request = Buffer.alloc(28);
  request.writeUInt32LE(shape.blockBytes, 0);
  request.writeUInt32LE(shape.blockCount, 4);
  request.writeUInt32LE(FRAME_UNIT_BYTES, 8);
  request.writeUInt32LE((shape.blockBytes / FRAME_UNIT_BYTES) * shape.blockCount, 12);
  request.writeUInt32LE(retireMs, 16);
  return request;
}
