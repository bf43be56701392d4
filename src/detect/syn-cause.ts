import { PodSide } from '../model/connection.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import type { Cause } from './connection-event.ts';

/** A server that completed another handshake so lately is there, and can be reached. */
const LATELY_US = 60_000_000;

/**
 * Why a SYN has no answer, as far as something is known; null when nothing is. `answeredAgoUs`: how long ago the server
 * last answered somebody.
 */
export function knownSynCause(connection: TrackedConnection, answeredAgoUs: number): Cause | null {
  if (connection.hasForeignPackets) {
    return {
      causeId: 'tcp.foreign.answer',
      cause: 'the answer to the SYN comes from another address than was asked, so the client does not take it',
    };
  }
  if (connection.isAnsweredByOlder) {
    return {
      causeId: 'tcp.syn.older-connection',
      cause:
        'the server answers with an ACK of an older connection between the same ports (TIME_WAIT): the client resets that and repeats its SYN',
    };
  }
  if (answeredAgoUs > LATELY_US) return null;
  const ago = answeredAgoUs < 1_000_000 ? 'less than a second' : `${Math.round(answeredAgoUs / 1_000_000)} s`;
  return connection.podSide === PodSide.responder
    ? {
        causeId: 'tcp.syn.accept-queue',
        cause: `the pod answered others on this port ${ago} before: its accept queue or SYN backlog is full, or single packets get lost`,
      }
    : {
        causeId: 'tcp.syn.lost',
        cause: `the same address and port answered another SYN ${ago} before: single SYNs or their answers get lost (two connections that got the same port by source NAT, a full backlog, a lossy way)`,
      };
}
