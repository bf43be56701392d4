import { EndType } from '../model/connection.ts';
import { BoundedGroups } from './bounded-groups.ts';
import type { EndFlowLine } from './end-flow-line.ts';
import { endpointText } from './event-line.ts';
import { LatencyHistogram } from './latency-histogram.ts';

/** Half of the connections were at most as slow as `p50`, 99 of 100 as `p99`; microseconds. */
export interface Latency {
  readonly connections: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** A server's address and port, and how the connections to it went. */
export interface Service {
  readonly where: string;
  readonly connections: number;
  /** Connections that both sides ended in order. */
  readonly orderly: number;
  /** From the SYN to the end of the TCP handshake; null when none was seen. */
  readonly handshake: Latency | null;
  /** From the SYN to the end of the TLS handshake; null when none was seen. */
  readonly tls: Latency | null;
  /** From what the client first said, or the handshake where the server speaks first, to the server's first byte. */
  readonly firstByte: Latency | null;
}

interface Group {
  readonly where: string;
  connections: number;
  orderly: number;
  handshake: LatencyHistogram | null;
  tls: LatencyHistogram | null;
  firstByte: LatencyHistogram | null;
}

const MOST_SERVICES = 1000;

/** Gathers the connections of one session by the server they were to; bounded, the least used go first. */
export class Services {
  readonly #groups = new BoundedGroups<Group>(MOST_SERVICES, ({ connections }) => connections);

  /** Services for which there was no room. */
  get dropped(): number {
    return this.#groups.dropped;
  }

  add(flow: EndFlowLine): void {
    const where = endpointText(flow.destinationAddress, flow.destinationPort);
    const group = this.#groups.get(where, () => newGroup(where));
    group.connections++;
    if (flow.endType === EndType.fin) group.orderly++;
    group.handshake = counted(group.handshake, flow.handshakeUs);
    group.tls = counted(group.tls, flow.tlsUs);
    group.firstByte = counted(group.firstByte, flow.firstByteUs);
  }

  /** The services, the most used first. */
  list(): Service[] {
    return this.#groups.heaviest().map(({ where, connections, orderly, handshake, tls, firstByte }) => ({
      where,
      connections,
      orderly,
      handshake: latencyOf(handshake),
      tls: latencyOf(tls),
      firstByte: latencyOf(firstByte),
    }));
  }
}

function newGroup(where: string): Group {
  return { where, connections: 0, orderly: 0, handshake: null, tls: null, firstByte: null };
}

/** The histogram with one more latency in it; made for the first one that was seen. */
function counted(histogram: LatencyHistogram | null, latencyUs: number): LatencyHistogram | null {
  if (latencyUs === 0) return histogram;
  const filled = histogram ?? new LatencyHistogram();
  filled.add(latencyUs);
  return filled;
}

function latencyOf(histogram: LatencyHistogram | null): Latency | null {
  if (histogram === null) return null;
  return { connections: histogram.count, p50Us: histogram.quantile(0.5), p99Us: histogram.quantile(0.99) };
}
