import { EndType } from '../model/connection.ts';
import type { EventCode } from '../model/event-code.ts';
import { LatencyHistogram } from '../model/latency-histogram.ts';
import { BoundedGroups } from './bounded-groups.ts';
import { type EndFlowLine, wentWell } from './end-flow-line.ts';
import { endpointText } from './event-line.ts';
import { Tally } from './tally.ts';

/** Half of the connections were at most as slow as `p50`, 99 of 100 as `p99`; microseconds. */
export interface Latency {
  readonly connections: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** A server's address and port, and how the connections to it went. */
export interface Service {
  readonly where: string;
  /** Connections that ended. */
  readonly connections: number;
  /** Of these, connections that were answered and ended in order. */
  readonly healthy: number;
  /** Of these, connections that had trouble, by the code of its kind. */
  readonly failed: Readonly<Partial<Record<EventCode, number>>>;
  /** From the SYN to the end of the TCP handshake; null when none was seen. */
  readonly handshake: Latency | null;
  /** From the SYN to the end of the TLS handshake; null when none was seen. */
  readonly tls: Latency | null;
  /** Shortest round trips of connections, between the capture and the server, and the clients; null when none was seen. */
  readonly roundTripTo: Latency | null;
  readonly roundTripFrom: Latency | null;
  /** Segments that were sent again, by the clients and by the server. */
  readonly retransmittedTo: number;
  readonly retransmittedFrom: number;
  /** Connections whose first byte took as long as a delayed acknowledgment (40 or 200 ms). */
  readonly delayedFirstBytes: number;
  /** From what the client first said, or the handshake where the server speaks first, to the server's first byte. */
  readonly firstByte: Latency | null;
}

/** Connections to one server that had the same kind of trouble. */
export interface Failures {
  count: number;
  /** How many of them got a SYN-ACK in the end. */
  answeredSyn: number;
  /** How many are beyond doubt. */
  certain: number;
  /** As far as the lines tell; infinite where they do not. */
  firstUs: number;
  lastUs: number;
  /** Connections went well after one of them and before another. */
  interrupted: boolean;
  readonly clients: Tally;
  readonly processes: Tally;
  latest: EndFlowLine;
}

/** What the connections to one server tell. */
export interface Server {
  readonly where: string;
  connections: number;
  healthy: number;
  failed: number;
  /** When the first and the latest connection began that got a SYN-ACK; no time at all without one. */
  firstAnsweredBeginUs: number;
  lastAnsweredBeginUs: number;
  /** When the latest one began that went well; -Infinity without. */
  lastHealthyBeginUs: number;
  readonly failures: Map<EventCode, Failures>;
  handshake: LatencyHistogram | null;
  tls: LatencyHistogram | null;
  firstByte: LatencyHistogram | null;
  roundTripTo: LatencyHistogram | null;
  roundTripFrom: LatencyHistogram | null;
  retransmittedTo: number;
  retransmittedFrom: number;
  delayedFirstBytes: number;
}

const DELAY_SLACK_US = 5_000;
const MOST_SERVERS = 1000;
const MOST_CLIENTS = 64;
const MOST_PROCESSES = 4;
/** A connection that failed weighs as much as so many that did not, when there is no room for all servers. */
const FAILURE_WEIGHT = 100;

/** Gathers the connections of one session by the server they were to; bounded, those that tell least go first. */
export class Servers {
  readonly #groups = new BoundedGroups<Server>(
    MOST_SERVERS,
    ({ connections, failed }) => connections + FAILURE_WEIGHT * failed,
  );

  /** Servers for which there was no room. */
  get dropped(): number {
    return this.#groups.dropped;
  }

  /** Takes in a connection that ended; in the order of their ends. */
  add(flow: EndFlowLine): void {
    const where = endpointText(flow.destinationAddress, flow.destinationPort);
    const server = this.#groups.get(where, () => newServer(where));
    server.connections++;
    if (flow.answeredSyn) {
      server.firstAnsweredBeginUs = Math.min(server.firstAnsweredBeginUs, flow.beginUs);
      server.lastAnsweredBeginUs = Math.max(server.lastAnsweredBeginUs, flow.beginUs);
    }
    if (wentWell(flow)) {
      server.healthy++;
      server.lastHealthyBeginUs = Math.max(server.lastHealthyBeginUs, flow.beginUs);
    }
    if (flow.failure !== '') addFailure(server, flow.failure, flow);
    server.handshake = counted(server.handshake, flow.handshakeUs);
    server.tls = counted(server.tls, flow.tlsUs);
    server.firstByte = counted(server.firstByte, flow.firstByteUs);
    server.roundTripTo = counted(server.roundTripTo, flow.rttToUs);
    server.roundTripFrom = counted(server.roundTripFrom, flow.rttFromUs);
    server.retransmittedTo += flow.retransmittedTo;
    server.retransmittedFrom += flow.retransmittedFrom;
    if (isDelayed(flow)) server.delayedFirstBytes++;
  }

  /** The servers by their address and port. */
  byPlace(): Map<string, Server> {
    return new Map(this.#groups.heaviest().map((server) => [server.where, server]));
  }

  /** How the connections to each went, the most used first. */
  list(): Service[] {
    const servers = this.#groups.heaviest().sort((a, b) => b.connections - a.connections);
    return servers.map(({ where, connections, healthy, failures, handshake, tls, firstByte, ...server }) => ({
      where,
      connections,
      healthy,
      failed: Object.fromEntries([...failures].map(([code, { count }]) => [code, count]).sort()),
      handshake: latencyOf(handshake),
      tls: latencyOf(tls),
      roundTripTo: latencyOf(server.roundTripTo),
      roundTripFrom: latencyOf(server.roundTripFrom),
      retransmittedTo: server.retransmittedTo,
      retransmittedFrom: server.retransmittedFrom,
      delayedFirstBytes: server.delayedFirstBytes,
      firstByte: latencyOf(firstByte),
    }));
  }
}

function newServer(where: string): Server {
  return {
    where,
    connections: 0,
    healthy: 0,
    failed: 0,
    firstAnsweredBeginUs: Number.POSITIVE_INFINITY,
    lastAnsweredBeginUs: Number.NEGATIVE_INFINITY,
    lastHealthyBeginUs: Number.NEGATIVE_INFINITY,
    failures: new Map(),
    handshake: null,
    tls: null,
    firstByte: null,
    roundTripTo: null,
    roundTripFrom: null,
    retransmittedTo: 0,
    retransmittedFrom: 0,
    delayedFirstBytes: 0,
  };
}

/**
 * Whether a first byte took about as long as stacks delay an acknowledgment (Linux 40 ms, others 200 ms: RFC 9293
 * §3.8.6.3) though round trips are short: the client waits for that with the rest of its request (Nagle).
 */
function isDelayed({ firstByteUs, rttToUs }: EndFlowLine): boolean {
  const isNear = (us: number) => firstByteUs >= us && firstByteUs < us + DELAY_SLACK_US;
  return rttToUs < DELAY_SLACK_US && (isNear(40_000) || isNear(200_000));
}

function addFailure(server: Server, code: EventCode, flow: EndFlowLine): void {
  const timeUs = failureUs(code, flow);
  let failures = server.failures.get(code);
  if (failures === undefined) {
    failures = newFailures(flow);
    server.failures.set(code, failures);
  }
  if (server.lastHealthyBeginUs > failures.lastUs && failures.count > 0) failures.interrupted = true;
  server.failed++;
  failures.count++;
  if (flow.answeredSyn) failures.answeredSyn++;
  if (flow.certain) failures.certain++;
  if (!Number.isNaN(timeUs)) {
    failures.firstUs = Math.min(failures.firstUs, timeUs);
    failures.lastUs = Math.max(failures.lastUs, timeUs);
  }
  failures.clients.add(flow.sourceAddress);
  if (flow.process !== '') failures.processes.add(flow.process);
  failures.latest = flow;
}

/** When the trouble was, as far as the line of a connection tells; NaN when it does not. */
function failureUs(code: EventCode, { answeredSyn, endType, beginUs, endUs }: EndFlowLine): number {
  if (code === '00001' || (!answeredSyn && endType !== EndType.reset)) return beginUs;
  return endType === EndType.stopped ? Number.NaN : endUs;
}

function newFailures(latest: EndFlowLine): Failures {
  return {
    count: 0,
    answeredSyn: 0,
    certain: 0,
    firstUs: Number.POSITIVE_INFINITY,
    lastUs: Number.NEGATIVE_INFINITY,
    interrupted: false,
    clients: new Tally(MOST_CLIENTS),
    processes: new Tally(MOST_PROCESSES),
    latest,
  };
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
