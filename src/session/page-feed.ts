import { type Allowance, TokenBucket } from '../limits/token-bucket.ts';
import { ConnectionType, EndType, Side } from '../model/connection.ts';
import { addressText, type NetworkEvent } from '../model/event.ts';
import { EventCode } from '../model/event-code.ts';
import {
  MOST_PAGE_CONNECTIONS,
  MOST_PAGE_EVENTS,
  type PageConnection,
  type PageEventLine,
  type PageLeftOut,
  type PageState,
} from '../model/page-messages.ts';
import { type ProcessIdentity, UNKNOWN_PROCESS } from '../model/process.ts';
import { Phase } from '../track/phase.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { Recent } from './recent.ts';

/** Of each kind of event, and of each way to end. More than that nobody can read, and each costs time to tell. */
const FOR_EVENTS: Allowance = { burst: 1_000, perSecond: 20 };
const FOR_ENDS: Allowance = { burst: 2_000, perSecond: 10 };

/**
 * What the sessions of an agent keep for live pages: bounded, connections only while somebody looks, and of what comes
 * by the thousand a part.
 */
export class PageFeed {
  readonly events = new Recent<PageEventLine>(MOST_PAGE_EVENTS);
  readonly ends = new Recent<PageConnection>(MOST_PAGE_CONNECTIONS);
  readonly #forEvents = new Map(Object.keys(EventCode).map((name) => [name, new TokenBucket(FOR_EVENTS)]));
  /** By `EndType`. */
  readonly #forEnds = Object.values(EndType).map(() => new TokenBucket(FOR_ENDS));
  #eventsLeftOut = 0;
  #endsLeftOut = 0;
  #watchers = 0;
  #sessions = 0;

  /** How many came too fast to be kept. */
  get leftOut(): PageLeftOut {
    return { events: this.#eventsLeftOut, ends: this.#endsLeftOut };
  }

  /** Whether an event is to be kept; one that is not is counted. */
  admitsEvent({ name, timeUs }: Pick<NetworkEvent, 'name' | 'timeUs'>): boolean {
    const isAdmitted = this.#forEvents.get(name)?.tryTake(timeUs) ?? false;
    if (!isAdmitted) this.#eventsLeftOut++;
    return isAdmitted;
  }

  /** Whether a connection that ended is to be kept, if somebody looks; one that is not is counted. */
  admitsEnd({ endType, endUs }: Pick<TrackedConnection, 'endType' | 'endUs'>): boolean {
    if (this.#watchers === 0) return false;
    const isAdmitted = this.#forEnds[endType].tryTake(endUs);
    if (!isAdmitted) this.#endsLeftOut++;
    return isAdmitted;
  }

  /** Somebody looks, until the function that is given back is called. */
  watch(): () => void {
    this.#watchers++;
    return () => {
      this.#watchers--;
    };
  }

  /** A number that no other session has. */
  nextSession(): number {
    return this.#sessions++;
  }
}

const STATES: readonly PageState[] = ['opening', 'half-open', 'established'];
const ENDS: readonly (readonly [EndType, PageState])[] = [
  [EndType.fin, 'ended'],
  [EndType.tlsAlert, 'TLS alert'],
  [EndType.reset, 'reset'],
  [EndType.stale, 'stale'],
  [EndType.halfOpen, 'half-open, given up'],
  [EndType.stopped, 'stopped'],
];
const END_STATES: ReadonlyMap<EndType, PageState> = new Map(ENDS);
const TYPES: Readonly<Record<ConnectionType, PageConnection['type']>> = {
  [ConnectionType.unknown]: 'unknown',
  [ConnectionType.tls]: 'TLS',
  [ConnectionType.http]: 'HTTP',
  [ConnectionType.plain]: 'plain',
};

/** What pages are told of a connection that its record does not have. */
export interface PageContext {
  /** Number of the session; with the connection's serial it makes a key. */
  readonly session: number;
  readonly directory: string;
  readonly process: ProcessIdentity;
  /** SNI; empty when unknown. */
  readonly serverName: string;
}

/** A connection as pages show it. */
export function pageConnection(connection: TrackedConnection, context: PageContext): PageConnection {
  const { session, directory, process, serverName } = context;
  const { synAckLatencyUs, ackLatencyUs, phase } = connection;
  return {
    key: `${session} ${connection.serial}`,
    directory,
    client: endpoint(connection, Side.initiator, connection.initiatorPort),
    server: endpoint(connection, Side.responder, connection.responderPort),
    beginMs: Math.floor(connection.beginUs / 1000),
    state: (phase < Phase.closed ? STATES[phase] : END_STATES.get(connection.endType)) ?? 'ended',
    type: TYPES[connection.connectionType],
    failure: connection.failure,
    sentBytes: connection.initiatorBytes,
    receivedBytes: connection.responderBytes,
    handshakeUs: synAckLatencyUs > 0 && ackLatencyUs > 0 ? synAckLatencyUs + ackLatencyUs : 0,
    tlsUs: connection.tlsLatencyUs,
    firstByteUs: connection.firstByteLatencyUs,
    process: process.name === UNKNOWN_PROCESS.name ? '' : `${process.name} (pid ${process.pid})`,
    serverName,
  };
}

function endpoint(connection: TrackedConnection, side: Side, port: number): string {
  const address = addressText(connection, side);
  return connection.ipVersion === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}
