import type { EventCode } from './event-code.ts';
import type { ProcessIdentity } from './process.ts';

/** The two ends of a connection: who sent the SYN, and who was asked. */
export const Side = { initiator: 0, responder: 1 } as const;

export type Side = (typeof Side)[keyof typeof Side];

/** How a connection ended, as in the column `endType` of end_flows. */
export const EndType = { fin: 0, tlsAlert: 1, reset: 2, stale: 3, halfOpen: 4, stopped: 5 } as const;

export type EndType = (typeof EndType)[keyof typeof EndType];

/** What a connection carries, as in the column `connType` of end_flows. */
export const ConnectionType = { unknown: 0, tls: 1, http: 2, plain: 3 } as const;

export type ConnectionType = (typeof ConnectionType)[keyof typeof ConnectionType];

/** Which end the monitored pod is, as `nodeIP` of netwevents. */
export const PodSide = { initiator: 0, responder: 1, unknown: 2 } as const;

export type PodSide = (typeof PodSide)[keyof typeof PodSide];

/**
 * One TCP connection, read-only. It may be a window onto a table's record that is only valid during the call it was
 * handed to: whoever wants to keep something copies it (`summarize`).
 */
export interface Connection {
  /** 4 or 6. */
  readonly ipVersion: number;
  readonly initiatorPort: number;
  readonly responderPort: number;
  /** Time of the first packet seen, microseconds since 1970-01-01 UTC. */
  readonly beginUs: number;
  /** Time of the packet, or deadline, that ended it; `NaN` while it is open. */
  readonly endUs: number;
  /** SYN to SYN-ACK, in microseconds; 0 when not seen. */
  readonly synAckLatencyUs: number;
  /** SYN-ACK to the ACK that completes the handshake, in microseconds; 0 when not seen. */
  readonly ackLatencyUs: number;
  /** SYN to the end of the TLS handshake, in microseconds; 0 when not seen. */
  readonly tlsLatencyUs: number;
  /**
   * The initiator's first payload to the responder's first, in microseconds; where the responder speaks first, from the
   * end of the handshake. 0 when not seen, or when bytes before either were not captured.
   */
  readonly firstByteLatencyUs: number;
  /** Stream bytes from initiator to responder; a retransmitted byte counts once. */
  readonly initiatorBytes: number;
  /** Stream bytes from responder to initiator. */
  readonly responderBytes: number;
  readonly connectionType: ConnectionType;
  readonly endType: EndType;
  /** Who ended it: the first FIN, the RST, the fatal alert. */
  readonly endedBy: Side;
  readonly podSide: PodSide;
  /** True when it was already established when the capture began. */
  readonly midstream: boolean;
  /** The kind of trouble it had, by the code of its event; empty when it had none. */
  readonly failure: EventCode | '';
  /** False when what is said of it is in doubt: midstream, one direction only, or packets dropped meanwhile. */
  readonly certain: boolean;
  /** Owner of the socket in the monitored pod. */
  readonly process: ProcessIdentity;
  /** Segments with payload that a side sent again. */
  retransmitted(side: Side): number;
  /** Segments of a side that came behind later ones. */
  outOfOrder(side: Side): number;
  /** Shortest round trip between the capture and a side, in microseconds; 0 when none was seen. */
  roundTripUs(side: Side): number;
  /** How long the window of a side was closed, in milliseconds. */
  zeroWindowMs(side: Side): number;
  /** Answers that were errors of the server: HTTP 5xx, gRPC. */
  readonly httpErrors: number;
  /**
   * 32 bits of an address in network order, as an unsigned integer: word 0 is all of an IPv4 address, words 0–3 are
   * an IPv6 address.
   */
  addressWord(side: Side, word: number): number;
}
