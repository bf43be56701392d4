/** Bytes of the header in front of each packet of a capture file (pcap(5), "savefile" format). */
export const PACKET_RECORD_HEADER_BYTES = 16;

/** Bytes of the header of a capture file: what a file is longer than its records. */
export const CAPTURE_FILE_HEADER_BYTES = 24;

/** Bytes of a packet that a capture file says it holds at most. */
export const SNAP_LENGTH_BYTES = 262_144;

/**
 * Packets of one connection, cut out of the history: all that a capture file holds after its own header. The receiver
 * owns `bytes` and may write them out at its leisure.
 */
export interface PacketRecords {
  /** `LinkType` of every packet. */
  readonly linkType: number;
  /** How many packets there are. */
  readonly packets: number;
  /** Packets of this connection that were seen and are not here, because they had to give way. */
  readonly omittedPackets: number;
  /**
   * The records as they stand in a classic pcap file (pcap(5)): for each packet seconds, microseconds, captured length
   * and length on the wire, 32 bits each, little-endian, then the captured bytes. In the order they were captured.
   */
  readonly bytes: Uint8Array;
}

/** In which format packets are written to files: classic pcap, or pcapng, which has room for comments. */
export type PcapFormat = 'pcap' | 'pcapng';
