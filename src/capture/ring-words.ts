/*
 * What the loop over the frames of a packet ring reads (linux/if_packet.h): words count 32 bits from the beginning of
 * the structure, on little-endian machines. Plain numbers in a file of nothing else: the bundler puts them into the code;
 * members of an object would be looked up for every frame, which took a quarter of the loop's time.
 */

// `struct tpacket_block_desc`, which begins every block of the ring.
export const BLOCK_STATUS = 2;
export const BLOCK_FRAME_COUNT = 3;
export const BLOCK_FIRST_FRAME_OFFSET = 4;
/** Bytes of the block that are used, its header included. */
export const BLOCK_USED_BYTES = 5;

// `struct tpacket3_hdr`, and the `struct sockaddr_ll` that follows it at its aligned end (48 bytes).
export const FRAME_NEXT_OFFSET = 0;
export const FRAME_SECONDS = 1;
export const FRAME_NANOSECONDS = 2;
export const FRAME_CAPTURED_LENGTH = 3;
export const FRAME_WIRE_LENGTH = 4;
export const FRAME_STATUS = 5;
/** Two 16-bit offsets from the header: link header (low half) and network header (high half). */
export const FRAME_OFFSETS = 6;
export const FRAME_VLAN_TCI = 8;
/** Low half. */
export const FRAME_VLAN_TPID = 9;
/** Family (low half) and protocol in network byte order (high half). */
export const FRAME_LINK_PROTOCOL = 12;
/** ARPHRD type (low half), packet type, address length. */
export const FRAME_LINK_TYPE = 14;

/** `sll_pkttype` of a frame that this machine sent through the interface. */
export const PACKET_OUTGOING = 4;

// `block_status` and `tp_status`.
export const TP_STATUS_KERNEL = 0;
export const TP_STATUS_USER = 1;
/** `TP_STATUS_BLK_TMO`: the block was handed over when its time was over, however little was in it. */
export const TP_STATUS_BLOCK_TIMED_OUT = 32;
export const TP_STATUS_VLAN_VALID = 16;
export const TP_STATUS_VLAN_TPID_VALID = 64;
