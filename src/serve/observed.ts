import type { MemoryFigures } from '../model/memory-room.ts';
import type { PageConnection, PageEventLine, PageLeftOut, PageSession } from '../model/page-messages.ts';
import type { SessionFigures } from '../model/session-figures.ts';
import type { SessionStatus } from '../model/session-status.ts';

/** What can be looked at from outside. */
export interface Observed {
  /** How the sessions are doing, one for each env file. */
  sessions(): readonly SessionStatus[];
  /** What those sessions counted that are under way. */
  figures(): readonly SessionFigures[];
  /** How the memory of the agent is used. */
  memory(): MemoryFigures;
  /** Changes of env files since the start, by whether they could be used. */
  readonly reloads: { readonly good: number; readonly bad: number };
  /** What live pages are told; null when there are none. */
  readonly page: PageSource | null;
}

/** What a live page is told of. Numbers count what came, from 1 on; asked after a number, what came later is given. */
export interface PageSource {
  /** Holds the sessions' directories. */
  readonly logDirectory: string;
  sessions(): PageSession[];
  /** The latest events. */
  readonly events: { readonly last: number; after(number: number): PageEventLine[] };
  /** Connections that ended while somebody watched. */
  readonly ends: { readonly last: number; after(number: number): PageConnection[] };
  /** What came too fast to be told. */
  readonly leftOut: PageLeftOut;
  /** Connections that are open, at most as many as a page keeps; packets have their turn in between. */
  connections(): AsyncIterable<PageConnection>;
  /** Somebody looks, until the function that is given back is called. */
  watch(): () => void;
}
