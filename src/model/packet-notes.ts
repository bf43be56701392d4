/** Something that is said of the packet of a moment. */
export interface PacketNote {
  /** Time of the packet, or of the deadline that passed, microseconds since 1970-01-01 UTC. */
  readonly timeUs: number;
  readonly text: string;
}

/** What is said of the packets of one connection, beside them in the file that allows it (pcapng). */
export interface PacketNotes {
  /** Of the connection: stands at its first packet. Empty when there is nothing to say. */
  readonly connection: string;
  /** In the order of their times. */
  readonly packets: readonly PacketNote[];
}
