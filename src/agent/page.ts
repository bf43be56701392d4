import type { PageConnection, PageSession } from '../model/page-messages.ts';
import { sessionDirectoryName } from '../model/session-directory-name.ts';
import type { PageSource } from '../serve/observed.ts';
import type { PageFeed } from '../session/page-feed.ts';
import type { SessionKeeper } from './session-keeper.ts';

/** What live pages are told of an agent: out of its feed, and of its keepers when they are asked. */
export function pageSource(feed: PageFeed, logDirectory: string, keepers: () => readonly SessionKeeper[]): PageSource {
  return {
    logDirectory,
    events: feed.events,
    ends: feed.ends,
    get leftOut() {
      return feed.leftOut;
    },
    sessions: () => keepers().map(pageSession),
    watch: () => feed.watch(),
    async *connections(): AsyncGenerator<PageConnection> {
      for (const keeper of keepers()) yield* keeper.pageConnections();
    },
  };
}

function pageSession(keeper: SessionKeeper): PageSession {
  const { podName, podNamespace, interfaceName, interfaceIndex, state, reason } = keeper.status;
  const figures = keeper.figures();
  const ended = figures?.connectionsEnded.reduce((sum, count) => sum + count, 0) ?? 0;
  return {
    pod: podName,
    namespace: podNamespace,
    interface: interfaceName ?? '',
    directory: interfaceIndex === null ? '' : sessionDirectoryName(interfaceIndex),
    state,
    reason,
    open: (figures?.connectionsBegun ?? 0) - ended,
    halfOpen: figures?.halfOpen ?? 0,
    packets: figures?.packets ?? 0,
    dropped: figures === null ? 0 : Math.max(0, figures.kernelDrops) + figures.agentDrops,
    handshakes: figures?.handshakes.counts ?? [],
    tlsHandshakes: figures?.tlsHandshakes.counts ?? [],
  };
}
