import { setImmediate as nextTurn } from 'node:timers/promises';
import type { NetworkEvent } from '../model/event.ts';
import type { PageConnection } from '../model/page-messages.ts';
import type { ProcessIdentity } from '../model/process.ts';
import type { ConnectionOwners } from '../pipeline/connection-owners.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import type { Tracker } from '../track/tracker.ts';
import { type PageFeed, pageConnection } from './page-feed.ts';

/** Open connections that are copied at once. */
const OPEN_AT_ONCE = 500;

/** What a session's part of the live pages is made of. */
export interface SessionPageParts {
  /** Null when there are no pages. */
  readonly feed: PageFeed | null;
  /** Name of the session's directory. */
  readonly directory: string;
  /** An event as it stands in its file. */
  readonly formatEvent: (event: NetworkEvent) => string;
  /** SNI of a connection; empty when unknown. */
  readonly serverNameOf: (connection: TrackedConnection) => string;
}

/** What live pages are told of one session. */
export class SessionPage {
  readonly #parts: SessionPageParts;
  /** Tells its connections from those of other sessions. */
  readonly #number: number;

  constructor(parts: SessionPageParts) {
    this.#parts = parts;
    this.#number = parts.feed?.nextSession() ?? 0;
  }

  event(event: NetworkEvent): void {
    const { feed, directory, formatEvent } = this.#parts;
    if (feed?.admitsEvent(event)) feed.events.add({ directory, line: formatEvent(event) });
  }

  ended(connection: TrackedConnection): void {
    const { feed } = this.#parts;
    if (feed?.admitsEnd(connection)) feed.ends.add(this.#pageConnection(connection, connection.process));
  }

  /** The open connections, with turns for packets and files in between. */
  async *openConnections(tracker: Tracker, owners: ConnectionOwners): AsyncGenerator<PageConnection> {
    for (let slot = 0; slot >= 0; ) {
      const found: PageConnection[] = [];
      const visit = (connection: TrackedConnection) => {
        found.push(this.#pageConnection(connection, owners.processOf(connection.slot)));
      };
      slot = tracker.visitOpen(visit, slot, OPEN_AT_ONCE);
      yield* found;
      await nextTurn();
    }
  }

  #pageConnection(connection: TrackedConnection, process: ProcessIdentity): PageConnection {
    const { directory, serverNameOf } = this.#parts;
    return pageConnection(connection, {
      session: this.#number,
      directory,
      process,
      serverName: serverNameOf(connection),
    });
  }
}
