import { type ProcessIdentity, UNKNOWN_PROCESS } from '../model/process.ts';

/** Which process owns each connection, by the connection's slot. */
export interface ConnectionOwners {
  /** The owner as far as is known now: `UNKNOWN_PROCESS` before it is found, and where nobody can be seen. */
  processOf(slot: number): ProcessIdentity;
  /** The slot is about to stand for another connection. */
  forgotten(slot: number): void;
}

/** Where nobody looks for owners: a replay. */
export const NO_OWNERS: ConnectionOwners = { processOf: () => UNKNOWN_PROCESS, forgotten: () => undefined };
