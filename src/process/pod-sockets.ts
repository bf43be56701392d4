import { type Connection, Side } from '../model/connection.ts';
import type { Endpoints } from '../model/seen-connection.ts';

/** There is no such socket. */
export const NO_SOCKET = -1;
/** There is one, but no process has it: not accepted yet, or closed already. */
export const UNOWNED_SOCKET = 0;

/** It cannot be told now, but may be in a moment. */
export const NOT_KNOWN_YET = -2;

/** The TCP sockets of a pod's network namespace. */
export interface PodSockets {
  /** Inode number of a connection's socket in the pod, which is its end `side`; or `NO_SOCKET`, or `UNOWNED_SOCKET`. */
  connection(connection: Connection, side: Side): number;
  /** Cookie of the socket that `connection` found last, eight bytes; null where it is not known. Valid until the next question. */
  readonly cookie: Uint8Array | null;
  /** Inode number of the socket that listens for what arrives at the end `side`; or `NO_SOCKET`. */
  listener(connection: Connection, side: Side): number;
  /**
   * What there is now, by `connectionKey` of both ends: inode numbers of at most `limit` connected sockets. In pieces;
   * nothing else may be asked in between.
   */
  list(limit: number, into: Map<string, number>): Generator<void>;
  close(): void;
}

/**
 * Names a connection by its ends, seen from one of them. An IPv4 connection on an IPv6 socket (RFC 4291 §2.5.5.2) has the
 * name of the IPv4 one.
 */
export function connectionKey(
  ipVersion: number,
  localPort: number,
  remotePort: number,
  localWord: (word: number) => number,
  remoteWord: (word: number) => number,
): string {
  const isMapped = ipVersion === 6 && localWord(0) === 0 && localWord(1) === 0 && localWord(2) === 0xffff;
  if (ipVersion === 4) return `${localWord(0)} ${localPort} ${remoteWord(0)} ${remotePort}`;
  if (isMapped) return `${localWord(3)} ${localPort} ${remoteWord(3)} ${remotePort}`;
  const words = (at: (word: number) => number) => `${at(0)} ${at(1)} ${at(2)} ${at(3)}`;
  return `${words(localWord)} ${localPort} ${words(remoteWord)} ${remotePort}`;
}

/** The `connectionKey` of a connection, seen from its end `side`. */
export function keyOf(connection: Connection, side: Side): string {
  const other = otherSide(side);
  const word = (at: Side) => (index: number) => connection.addressWord(at, index);
  return connectionKey(
    connection.ipVersion,
    portOf(connection, side),
    portOf(connection, other),
    word(side),
    word(other),
  );
}

/** The port at one end of a connection. */
export function portOf(connection: Endpoints, side: Side): number {
  return side === Side.initiator ? connection.initiatorPort : connection.responderPort;
}

/** The other end. */
export function otherSide(side: Side): Side {
  return side === Side.initiator ? Side.responder : Side.initiator;
}
