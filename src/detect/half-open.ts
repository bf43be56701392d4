import { PodSide } from '../model/connection.ts';
import type { NetworkEvent } from '../model/event.ts';
import { EventCode } from '../model/event-code.ts';
import { Phase } from '../track/phase.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { type Cause, connectionEvent } from './connection-event.ts';
import { knownSynCause } from './syn-cause.ts';

/**
 * 00006: the handshake is still incomplete. Not told when the missing packet may be one that the capture lost.
 * `answeredAgoUs`: when the server last answered somebody.
 */
export function halfOpen(connection: TrackedConnection, timeUs: number, answeredAgoUs: number): NetworkEvent | null {
  if (connection.lossMeanwhile || connection.failure === EventCode.ICMP_ERROR) return null;
  const answered = connection.phase === Phase.synAcked;
  const value = answered ? 1 : 0;
  return connectionEvent('TCP_PARTIAL_CONNECTION', connection, timeUs, {
    value,
    ...((answered ? null : knownSynCause(connection, answeredAgoUs)) ?? causeOf(connection, answered)),
    doubt: notRepeated(connection, answered),
  });
}

/** A host that lacks an answer repeats what it sent; one that does not may have had it, unseen. */
function notRepeated(connection: TrackedConnection, answered: boolean): string | undefined {
  const repeats = answered ? connection.synAckRepeats : connection.synRepeats;
  return repeats > 0
    ? undefined
    : `the ${answered ? 'SYN-ACK' : 'SYN'} was not repeated: what answered it may have been missed`;
}

function causeOf(connection: TrackedConnection, answered: boolean): Cause {
  if (connection.podSide === PodSide.responder) {
    return answered
      ? {
          causeId: 'tcp.handshake.scan',
          cause:
            'the pod answered the SYN and heard no more: a scan or a SYN flood, or the way back to the client is broken',
        }
      : {
          causeId: 'tcp.syn.pod-silent',
          cause:
            'the pod did not answer the SYN: its backlog is full, a policy inside the pod drops it, or it is a SYN flood',
        };
  }
  return answered
    ? {
        causeId: 'tcp.handshake.ack-missing',
        cause:
          'the server answered the SYN, but the last step of the handshake never came: the way back is broken, or the client is gone',
      }
    : {
        causeId: 'tcp.syn.no-answer',
        cause:
          'the other side is unreachable: nobody answers at that address (node or pod gone, wrong address), or a policy drops the SYN',
      };
}
