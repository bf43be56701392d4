import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN, TCP_URG } from './tcp-bits.ts';

/** TCP control bits (RFC 9293 §3.1), as in `Packet.flags`. */
export const TcpFlag = { fin: TCP_FIN, syn: TCP_SYN, rst: TCP_RST, psh: TCP_PSH, ack: TCP_ACK, urg: TCP_URG } as const;

/**
 * A decoded TCP segment, a UDP datagram of DNS, or an ICMP error about one of these: what `layers` found in a `Frame`.
 * One object is reused for every packet; offsets are into the frame's view and are valid as long as the frame is.
 * All 32-bit fields are signed 32-bit integers, so that they
 * stay small integers in the engine; compare sequence numbers with `model/sequence.ts` only.
 */
export class Packet {
  /** The view the offsets below point into: the frame's. */
  view: DataView = new DataView(new ArrayBuffer(0));
  /** The same memory, byte by byte: the same offsets apply. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Microseconds since 1970-01-01 UTC. */
  timeUs = Number.NaN;
  /** 4 or 6. */
  ipVersion = 4;
  /** Transport protocol: 6 TCP, 1 ICMP, 58 ICMPv6, 17 UDP (IANA). */
  protocol = 6;
  /** Offsets of the IP and the TCP header. */
  ipHeader = 0;
  tcpHeader = 0;
  /** Offset of the source address: 4 or 16 bytes. */
  sourceAddress = 0;
  /** Offset of the destination address: 4 or 16 bytes. */
  destinationAddress = 0;
  sourcePort = 0;
  destinationPort = 0;
  sequence = 0;
  acknowledgment = 0;
  /** `TcpFlag` bits. */
  flags = 0;
  /** The window field as it stands in the header, not yet scaled. */
  window = 0;
  /** Shift count of the window scale option (RFC 7323 §2), -1 when the segment has none. Read from SYNs only. */
  windowScale = -1;
  /** Value of the maximum segment size option (RFC 9293 §3.7.1), 0 when the segment has none. Read from SYNs only. */
  segmentSize = 0;
  /** First captured payload byte. */
  payloadStart = 0;
  /** Captured payload bytes; fewer than `payloadLengthBytes` when the capture cut the frame. */
  payloadCapturedBytes = 0;
  /** Payload bytes of the segment according to the IP header. */
  payloadLengthBytes = 0;
  /**
   * Where `protocol` is not TCP: type × 256 + code of the ICMP error that quotes this segment or datagram, the offset of the address
   * that sent the error, the MTU it names (0 for none), and the quoted packet's length in bytes.
   */
  icmp = 0;
  /** Transport protocol of the packet that it quotes. */
  quotedProtocol = 6;
  icmpFrom = 0;
  icmpMtu = 0;
  quotedLengthBytes = 0;
  /** Hash of its endpoints, the same in both directions; set by `Tracker.prefetch`. */
  endpointHash = 0;
  /** Slot of the connection that it most likely belongs to, -1 for none; set by `Tracker.prefetch`. */
  likelySlot = -1;
}
