import { type DetectorSettings, Detectors } from '../../src/detect/detectors.ts';
import type { NetworkEvent } from '../../src/model/event.ts';
import { Direction } from '../../src/model/frame.ts';
import { Packet, TcpFlag } from '../../src/model/packet.ts';
import { ConnectionTable } from '../../src/track/connection-table.ts';
import { Tracker } from '../../src/track/tracker.ts';

export const { fin: FIN, syn: SYN, rst: RST, ack: ACK } = TcpFlag;

/** Nothing is held back. */
export const LOUD: DetectorSettings = {
  eventThrottle: false,
  noEventHttpClientReset: false,
  resetAbnormalCount: 1_000_000,
  resetAbnormalSeconds: 60,
  staleSeconds: 180,
  stale2Seconds: 600,
  lossPercent: 5,
  zeroWindowSeconds: 5,
  slowMs: 0,
  eventsForTlsConnections: true,
  noEventHttpsClientSslShutdown: false,
};

/** A server that is talked to. */
export interface Server {
  readonly address?: number;
  readonly port?: number;
  /** As the capture sees it. */
  readonly direction?: Direction;
}

export interface Segment {
  readonly sequence?: number;
  readonly acknowledgment?: number;
  readonly length?: number;
  readonly window?: number;
}

/** Connections and what the detectors say of them. Times are seconds from an arbitrary beginning. */
export class Detected {
  readonly events: NetworkEvent[] = [];
  readonly detectors: Detectors;
  readonly tracker: Tracker;
  /** What the capture says of lost packets. */
  loss = false;
  readonly #packet = new Packet();
  readonly #server: Required<Server>;
  #clientPort = 20_000;
  /** By `client port, from client`: the sequence number that comes next. */
  readonly #next = new Map<string, number>();

  constructor(settings: Partial<DetectorSettings> = {}, server: Server = {}) {
    this.#server = { address: 0x0a000002, port: 5432, direction: Direction.unknown, ...server };
    this.#packet.view = new DataView(new ArrayBuffer(32));
    this.detectors = new Detectors({ ...LOUD, ...settings });
    const keep = (event: NetworkEvent | null) => {
      if (event) this.events.push(event);
    };
    this.tracker = new Tracker(
      new ConnectionTable(1_000, 1),
      { halfOpenSeconds: 30, staleSeconds: 180, stale2Seconds: 600 },
      {
        began: () => undefined,
        established: (connection, timeUs) => this.detectors.established(connection, timeUs),
        halfClosed: (connection, timeUs) => keep(this.detectors.halfClosed(this.#weigh(connection), timeUs)),
        unanswered: (connection, timeUs) => keep(this.detectors.noAnswer(this.#weigh(connection), timeUs)),
        icmpError: (connection, error, timeUs) => keep(this.detectors.icmpError(connection, error, timeUs)),
        pathMtu: (connection, trouble, timeUs) => keep(this.detectors.pathMtu(connection, trouble, timeUs)),
        resent: (connection, side, isStuck, timeUs) =>
          keep(this.detectors.resent(this.#weigh(connection), side, isStuck, timeUs)),
        answered: () => undefined,
        zeroWindow: (connection, side, timeUs) =>
          keep(this.detectors.zeroWindow(this.#weigh(connection), side, timeUs)),
        foreignPacket: (connection, stranger, timeUs) =>
          keep(this.detectors.foreignPacket(connection, stranger, timeUs)),
        synRepeated: (connection, timeUs) => keep(this.detectors.synRepeated(this.#weigh(connection), timeUs)),
        halfOpen: (connection, timeUs) => keep(this.detectors.halfOpen(this.#weigh(connection), timeUs)),
        stale: (connection, timeUs) => keep(this.detectors.stale(this.#weigh(connection), timeUs)),
        stale2: (connection, timeUs) => keep(this.detectors.stale2(this.#weigh(connection), timeUs)),
        reset: (connection, by, timeUs) =>
          this.detectors.reset(this.#weigh(connection), by, timeUs).forEach(({ event }) => {
            keep(event);
          }),
        ended: () => undefined,
        forgotten: () => undefined,
      },
    );
  }

  /** The client takes another port: a new connection. */
  next(): this {
    this.#clientPort = this.#clientPort === 60_000 ? 20_000 : this.#clientPort + 1;
    return this;
  }

  client(seconds: number, flags: number, segment: Segment = {}): this {
    return this.#send(true, seconds, flags, segment);
  }

  server(seconds: number, flags: number, segment: Segment = {}): this {
    return this.#send(false, seconds, flags, segment);
  }

  /** A whole handshake at once; sequence numbers then go on from 1 on both sides. */
  open(seconds: number): this {
    return this.client(seconds, SYN)
      .server(seconds, SYN | ACK, { acknowledgment: 1 })
      .client(seconds, ACK, { sequence: 1, acknowledgment: 1 });
  }

  advance(seconds: number): this {
    this.tracker.advance(seconds * 1e6);
    return this;
  }

  #weigh<T extends { lossMeanwhile: boolean }>(connection: T): T {
    connection.lossMeanwhile = this.loss;
    return connection;
  }

  #send(fromClient: boolean, seconds: number, flags: number, segment: Segment): this {
    const packet = this.#packet;
    const { address, port, direction } = this.#server;
    packet.timeUs = seconds * 1e6;
    packet.view.setUint32(fromClient ? 0 : 4, 0x0a000001);
    packet.view.setUint32(fromClient ? 4 : 0, address);
    packet.destinationAddress = 4;
    packet.sourcePort = fromClient ? this.#clientPort : port;
    packet.destinationPort = fromClient ? port : this.#clientPort;
    packet.flags = flags;
    // a RST that nothing is said of lies where its receiver expects it
    const sender = `${this.#clientPort} ${fromClient}`;
    const next = this.#next.get(sender) ?? 0;
    packet.sequence = segment.sequence ?? ((flags & RST) === 0 ? 0 : next);
    const takes = (segment.length ?? 0) + ((flags & (SYN | FIN)) === 0 ? 0 : 1);
    if ((flags & RST) === 0) this.#next.set(sender, Math.max(next, packet.sequence + takes));
    packet.acknowledgment = segment.acknowledgment ?? 0;
    packet.payloadLengthBytes = segment.length ?? 0;
    packet.window = segment.window ?? 65_535;
    const other = direction === Direction.fromPod ? Direction.toPod : Direction.fromPod;
    this.tracker.prefetch([packet], 1);
    this.tracker.segment(packet, direction === Direction.unknown || fromClient ? direction : other);
    return this;
  }
}
