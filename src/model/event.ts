import { formatIpv4, formatIpv6 } from './address.ts';
import { type Connection, type PodSide, Side } from './connection.ts';
import type { ProcessIdentity } from './process.ts';

/** The eleven kinds of trouble, by the name and the code under which they are reported. */
export const EventCode = {
  TCP_SYN_RETRANS: '00001',
  TCP_RESET: '00002',
  TCP_IS_TLS: '00003',
  TLS_ALERT: '00004',
  TLS_EXCEP: '00005',
  TCP_PARTIAL_CONNECTION: '00006',
  TCP_ESTABLISHED_STALE: '00007',
  TCP_ESTABLISHED_STALE2: '00008',
  TCP_SYN_RESET: '00009',
  TCP_RESET_ABNORMAL: '00010',
  VIF_DISAPPEARED: '00011',
} as const;

export type EventName = keyof typeof EventCode;
export type EventCode = (typeof EventCode)[EventName];

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

/** One thing that went wrong (or, for 00003, that is worth knowing). */
export interface NetworkEvent {
  readonly name: EventName;
  /** Time of the packet or of the deadline that caused it, microseconds since 1970-01-01 UTC. */
  readonly timeUs: number;
  readonly value: number;
  /** The probable cause in plain words. */
  readonly cause: string;
  /** Null for events that are not about a connection (00011). */
  readonly connection: ConnectionSummary | null;
  /** Who did it: said by 00002 and 00004. */
  readonly by?: Side;
  /** Why the event is in doubt; an event without it is certain. */
  readonly confidence?: string;
  /** False lowers `quality` to 0. Absent: certain exactly when there is no `confidence`. */
  readonly certain?: boolean;
  readonly tls?: TlsFacts;
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
