import type { Side } from '../model/connection.ts';
import type { Packet } from '../model/packet.ts';
import type { Answer } from './answer.ts';
import type { Stranger } from './foreign-packets.ts';
import type { IcmpError } from './icmp-errors.ts';
import type { PathMtuTrouble } from './path-mtu.ts';
import type { TrackedConnection } from './tracked-connection.ts';

/** The delays after which a connection is talked about, in seconds. May be changed while the tracker runs. */
export interface TrackerDelays {
  halfOpenSeconds: number;
  staleSeconds: number;
  stale2Seconds: number;
}

/**
 * Is told what happens to connections, while it happens. The connection is a window that moves on after the call.
 * `timeUs` is the time of the packet or of the deadline that brought it about.
 */
export interface TrackerListener {
  /** The first packet of a connection was seen. */
  began(connection: TrackedConnection): void;
  /** The handshake is complete, as far as packets show. */
  established(connection: TrackedConnection, timeUs: number): void;
  /** The initiator repeated its SYN before any answer; `connection.synRepeats` says how often. */
  synRepeated(connection: TrackedConnection, timeUs: number): void;
  /** The handshake is still incomplete after `halfOpenSeconds`. */
  halfOpen(connection: TrackedConnection, timeUs: number): void;
  /** No new byte moved for `staleSeconds`: once a stillness. */
  stale(connection: TrackedConnection, timeUs: number): void;
  /** No new byte moved for `stale2Seconds`; `ended` follows. */
  stale2(connection: TrackedConnection, timeUs: number): void;
  /** One side has sent FIN, the other neither FIN nor data for `staleSeconds`: once. */
  halfClosed(connection: TrackedConnection, timeUs: number): void;
  /** The initiator closed after it had waited for bytes of the responder, and none came for a while: once. */
  unanswered(connection: TrackedConnection, timeUs: number): void;
  /** An ICMP error quotes one of its packets. */
  icmpError(connection: TrackedConnection, error: IcmpError, timeUs: number): void;
  /** Its large packets do not get through: told once. */
  pathMtu(connection: TrackedConnection, trouble: PathMtuTrouble, timeUs: number): void;
  /**
   * A side sent a segment again that had not got through. `isStuck`: the same bytes by time-out for the third time, or
   * for the second after twice the pause.
   */
  resent(connection: TrackedConnection, side: Side, isStuck: boolean, timeUs: number): void;
  /** The window of a side has been closed for `connection.closedMs(side)`, while the other has more to send. */
  zeroWindow(connection: TrackedConnection, side: Side, timeUs: number): void;
  /** The responder answered a request in clear: HTTP. */
  answered(connection: TrackedConnection, answer: Answer, timeUs: number): void;
  /** Its packets come from an address that was not asked: told once. */
  foreignPacket(connection: TrackedConnection, stranger: Stranger, timeUs: number): void;
  /** A RST ends it; `phase` is what it was before. `ended` follows. */
  reset(connection: TrackedConnection, by: Side, timeUs: number): void;
  /** It ended: `endType`, `endedBy` and `endUs` say how. It is remembered for a while, and then `forgotten`. */
  ended(connection: TrackedConnection): void;
  /** Its slot is about to be used for another connection. */
  forgotten(slot: number): void;
}

/** Reads the payload of the connections that are marked to be read. */
export interface PayloadReader {
  /** A packet of a connection that is being read. */
  packet(slot: number, side: Side, packet: Packet): void;
  /** A side has sent FIN, which stands at `sequence`. */
  finished(slot: number, side: Side, sequence: number, timeUs: number): void;
  /** A RST of a side ends the connection. */
  reset(slot: number, side: Side, timeUs: number): void;
  /** The connection ended: nothing more comes. */
  release(slot: number): void;
}
