import type { SessionState } from './session-status.ts';

/** A session as the live page shows it. */
export interface PageSession {
  readonly pod: string;
  readonly namespace: string;
  readonly interface: string;
  /** Name of the session's directory, `dllt5`; empty while it has none. */
  readonly directory: string;
  readonly state: SessionState;
  readonly reason: string;
  readonly open: number;
  readonly halfOpen: number;
  readonly packets: number;
  readonly dropped: number;
  /** Connections that ended, by how long their TCP handshake took, and their TLS handshake: `LatencyBuckets`. */
  readonly handshakes: readonly number[];
  readonly tlsHandshakes: readonly number[];
}

/** What a connection is doing, or how it ended. */
export type PageState =
  | 'opening'
  | 'half-open'
  | 'established'
  | 'ended'
  | 'TLS alert'
  | 'reset'
  | 'stale'
  | 'half-open, given up'
  | 'stopped';

/** A connection as the live page shows it; times are microseconds, 0 when not seen. */
export interface PageConnection {
  /** Nothing else ever has it. */
  readonly key: string;
  readonly directory: string;
  readonly client: string;
  readonly server: string;
  /** Milliseconds since 1970-01-01. */
  readonly beginMs: number;
  readonly state: PageState;
  /** Code of the kind of trouble it had; empty when it had none. */
  readonly failure: string;
  readonly type: 'unknown' | 'TLS' | 'HTTP' | 'plain';
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly handshakeUs: number;
  readonly tlsUs: number;
  readonly firstByteUs: number;
  /** Short name and pid; empty when unknown. */
  readonly process: string;
  /** SNI; empty when unknown. */
  readonly serverName: string;
}

/** A line of netwevents, and the directory of the session that wrote it. */
export interface PageEventLine {
  readonly directory: string;
  readonly line: string;
}

/** What came too fast to be shown, since the agent began: it is in the files. */
export interface PageLeftOut {
  readonly events: number;
  /** Connections that ended. */
  readonly ends: number;
}

/** What the agent tells a live page. */
export type PageMessage =
  | {
      readonly kind: 'sessions';
      readonly timeMs: number;
      readonly sessions: readonly PageSession[];
      readonly leftOut: PageLeftOut;
    }
  | { readonly kind: 'events'; readonly events: readonly PageEventLine[] }
  | {
      readonly kind: 'connections';
      readonly changed: readonly PageConnection[];
      /** Keys of those that are no longer followed. */
      readonly removed: readonly string[];
    };

/** Events and connections that a page, and the agent for it, keeps at most. */
export const MOST_PAGE_EVENTS = 5_000;
export const MOST_PAGE_CONNECTIONS = 10_000;
