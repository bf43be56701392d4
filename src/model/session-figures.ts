import type { EventName } from './event-code.ts';
import type { LatencyBuckets } from './latency-buckets.ts';
import type { MemoryFigures } from './memory-room.ts';

/** How much of something is used, of how much there may be. */
export interface Usage {
  readonly used: number;
  readonly limit: number;
}

/** What a session counted since it began, for those who look at the agent from outside. */
export interface SessionFigures {
  readonly podName: string;
  readonly podNamespace: string;
  readonly interfaceName: string;
  /** How often each kind occurred, whether an event told it or not. */
  readonly events: ReadonlyMap<EventName, number>;
  /** The same by how bad it was; TLS handshakes that were completed are left out. */
  readonly severities: Readonly<Record<string, number>>;
  readonly connectionsBegun: number;
  /** By `EndType`. */
  readonly connectionsEnded: readonly number[];
  /** Connections whose handshake is not complete. */
  readonly halfOpen: number;
  /** From the SYN to the end of the TCP handshake. */
  readonly handshakes: LatencyBuckets;
  /** From the SYN to the end of the TLS handshake. */
  readonly tlsHandshakes: LatencyBuckets;
  /** From the initiator's first payload, or the handshake where the responder speaks first, to the responder's first. */
  readonly firstBytes: LatencyBuckets;
  /** DNS questions and queries. */
  readonly dns: {
    readonly results: Readonly<Record<string, number>>;
    readonly queries: number;
    readonly latencies: LatencyBuckets;
  };
  /** Shortest round trip of each connection that ended, between the capture and initiators, and responders. */
  readonly roundTrips: readonly [LatencyBuckets, LatencyBuckets];
  /** Answers of HTTP by class of their status, and of gRPC. */
  readonly answers: Readonly<Record<string, number>>;
  /** Segments that initiators sent again, and responders. */
  readonly retransmissions: readonly [number, number];
  readonly packets: number;
  readonly bytes: number;
  /** Packets the kernel had no room for; -1 when the source cannot know. */
  readonly kernelDrops: number;
  /** Packets the agent itself had to let go. */
  readonly agentDrops: number;
  /** Entries of the connection table. */
  readonly table: Usage;
  /** Open connections that had to make room in the table. */
  readonly evicted: number;
  /** Step of the overload ladder: 0 nothing is left out. */
  readonly shedStep: number;
  /** Bytes of memory for packets. */
  readonly history: Usage;
  /** Bytes in the session's directory. */
  readonly disk: Usage;
  /** Lines and dumps that the disk did not take, */
  readonly lostLines: number;
  readonly lostDumps: number;
  /** that were not written as free space on the volume was short, */
  readonly withheldLines: number;
  readonly withheldDumps: number;
  /** or not begun as there were too many. */
  readonly refusedDumps: number;
  /** Its part of the agent's memory. */
  readonly memory: Pick<MemoryFigures, 'usedBytes' | 'gaveWay'>;
}
