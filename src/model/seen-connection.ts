import type { Connection, Side } from './connection.ts';

/** The two ends of a connection. */
export type Endpoints = Pick<Connection, 'ipVersion' | 'initiatorPort' | 'responderPort' | 'addressWord'>;

/** Who was at work, as the kernel knows it; ids are those of the machine. */
export interface SocketOwner {
  /** When the process began, in nanoseconds since the machine did. */
  readonly startedNs: number;
  readonly tgid: number;
  /** Id of the thread. */
  readonly pid: number;
  readonly parent: number;
  readonly uid: number;
  /** `tgid` in the process's own pid namespace. */
  readonly innerPid: number;
  /** Inode number of that namespace. */
  readonly pidNamespace: number;
  readonly threadName: string;
  readonly name: string;
}

/** A connection that the kernel told of, without a packet. */
export interface SeenConnection extends Endpoints {
  /** Microseconds since 1970-01-01 UTC. */
  readonly timeUs: number;
  /** The end that is in the pod. */
  readonly side: Side;
  /** Who had its socket. */
  readonly owner: SocketOwner;
}
