import { formatIpv4, formatIpv6 } from './address.ts';
import type { CauseId } from './cause-id.ts';
import { type Connection, type PodSide, Side } from './connection.ts';
import type { EventName } from './event-code.ts';
import type { ProcessIdentity } from './process.ts';

/** What an event says of its connection; a copy that may be kept. */
export interface ConnectionSummary {
  readonly sourceAddress: string;
  readonly destinationAddress: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly podSide: PodSide;
  readonly synAckLatencyUs: number;
  readonly ackLatencyUs: number;
  readonly midstream: boolean;
  readonly process: ProcessIdentity;
}

/** What a TLS event knows of the session it speaks of. */
export interface TlsFacts {
  /** Negotiated version as in a ServerHello, e.g. `TLS 1.3`. */
  readonly version?: string;
  /** IANA name of the cipher suite. */
  readonly cipher?: string;
  readonly serverName?: string;
  readonly alpn?: string;
  /** From the ClientHello to the end of the handshake, in microseconds. */
  readonly handshakeUs?: number;
  readonly alert?: string;
  readonly certificate?: { readonly subject: string; readonly issuer: string; readonly notAfter: string };
}

/** What an event knows besides, by kind; absent where it does not. In netwevents these stand in `extra`. */
export interface EventFacts {
  /** 00021: from the client's last byte until it gave up, milliseconds. */
  readonly waitedMs?: number;
  /** 00021: from the client's last byte to the answer that came too late, milliseconds. */
  readonly answeredMs?: number;
  /** How long nothing had moved before, milliseconds. */
  readonly idleMs?: number;
  /** Keep-alive probes in a row that had no answer. */
  readonly keepAlives?: number;
  /** 00014: who sent the ICMP error. */
  readonly icmpFrom?: string;
  /** 00014, 00015: the MTU that an ICMP error names, bytes. */
  readonly mtu?: number;
  /** 00015: the size that did not pass, bytes of IP packet. */
  readonly lostSize?: number;
  /** 00015: maximum segment sizes that the SYNs of src and dst named. */
  readonly mssFrom?: number;
  readonly mssTo?: number;
  /** 00016: segments with new bytes of that side in the time looked at, and of those sent again, how many were lost before the capture and beyond it. */
  readonly segments?: number;
  readonly lostBefore?: number;
  readonly lostBeyond?: number;
  /** 00018, 00020: path of the request up to `?`, and how often that happened to the service so far. */
  readonly path?: string;
  readonly times?: number;
  /** 00023: address and port of the stranger. */
  readonly stranger?: string;
  /** 00012, 00013: what a search list began with, the name that was asked for last where that is another, and the type of record. */
  readonly dnsName?: string;
  readonly dnsCandidate?: string;
  readonly dnsType?: string;
  /** 00012, 00013: queries that were sent for the question so far, and names that were tried. */
  readonly queries?: number;
  readonly candidates?: number;
  /** 00010: the sliding window that `value` resets fell into, seconds. */
  readonly windowSeconds?: number;
  /** The source that a PROXY protocol header names, `address:port`. */
  readonly proxiedFrom?: string;
}

/** One thing that went wrong (or, for 00003, that is worth knowing). */
export interface NetworkEvent {
  readonly name: EventName;
  /** Time of the packet or of the deadline that caused it, microseconds since 1970-01-01 UTC. */
  readonly timeUs: number;
  readonly value: number;
  /** The probable cause in plain words. */
  readonly cause: string;
  /** The same for machines. */
  readonly causeId: CauseId;
  /** Null for events that are not about a connection (00011). */
  readonly connection: ConnectionSummary | null;
  /** Who did it: said by 00002 and 00004. */
  readonly by?: Side;
  /** Why the event is in doubt; an event without it is certain. */
  readonly confidence?: string;
  /** False lowers `quality` to 0. Absent: certain exactly when there is no `confidence`. */
  readonly certain?: boolean;
  readonly tls?: TlsFacts;
  readonly facts?: EventFacts;
  /** File name of the pcap that proves it. */
  readonly pcap?: string;
  /** More events of this kind that are not told, as there were too many: this one stands for them. */
  readonly suppressed?: number;
}

/** Text of one end's address. */
export function addressText(connection: Connection, side: Side): string {
  const word = (i: number) => connection.addressWord(side, i);
  return connection.ipVersion === 4 ? formatIpv4(word(0)) : formatIpv6(word(0), word(1), word(2), word(3));
}

/** Copies what an event says of its connection. */
export function summarize(connection: Connection): ConnectionSummary {
  return {
    sourceAddress: addressText(connection, Side.initiator),
    destinationAddress: addressText(connection, Side.responder),
    sourcePort: connection.initiatorPort,
    destinationPort: connection.responderPort,
    podSide: connection.podSide,
    synAckLatencyUs: connection.synAckLatencyUs,
    ackLatencyUs: connection.ackLatencyUs,
    midstream: connection.midstream,
    process: connection.process,
  };
}
