import { PodSide } from '../model/connection.ts';
import type { NetworkEvent } from '../model/event.ts';
import { Phase } from '../track/phase.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { connectionEvent } from './connection-event.ts';

/** 00006: the handshake is still incomplete. Not told when the missing packet may be one that the capture lost. */
export function halfOpen(connection: TrackedConnection, timeUs: number): NetworkEvent | null {
  if (connection.lossMeanwhile) return null;
  const answered = connection.phase === Phase.synAcked;
  return connectionEvent('TCP_PARTIAL_CONNECTION', connection, timeUs, answered ? 1 : 0, cause(connection, answered));
}

function cause(connection: TrackedConnection, answered: boolean): string {
  if (connection.podSide === PodSide.responder) {
    return answered
      ? 'the pod answered the SYN and heard no more: a scan or a SYN flood, or the way back to the client is broken'
      : 'the pod did not answer the SYN: its backlog is full, a policy inside the pod drops it, or it is a SYN flood';
  }
  return answered
    ? 'the server answered the SYN, but the last step of the handshake never came: the way back is broken, or the client is gone'
    : 'the other side is unreachable: nobody answers at that address (node or pod gone, wrong address), or a policy drops the SYN';
}
