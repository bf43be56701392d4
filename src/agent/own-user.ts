import { type ServedConnection, userOfLocalPeer } from '../process/local-peer.ts';

/** Whether the process at the other end of a connection runs as the agent's own user, in its network namespace. */
export function isOwnUser(served: ServedConnection): boolean {
  return userOfLocalPeer(served) === process.geteuid?.();
}
