import { Side } from '../model/connection.ts';
import type { NetworkEvent } from '../model/event.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { connectionEvent, sideName } from './connection-event.ts';

/** 00022: one side has sent FIN, the other neither FIN nor data for `seconds`. Not told when the capture lost packets. */
export function halfClosed(connection: TrackedConnection, timeUs: number, seconds: number): NetworkEvent | null {
  const { firstFin } = connection;
  if (connection.lossMeanwhile || connection.oneWay || firstFin === -1) return null;
  const silent = firstFin === Side.initiator ? Side.responder : Side.initiator;
  const isGone = connection.unacknowledgedBytes(firstFin) > 0;
  const who = sideName(silent);
  return connectionEvent('HALF_CLOSED', connection, timeUs, {
    value: silent,
    by: silent,
    doubt:
      isGone && !connection.hasRepeated(firstFin)
        ? 'the FIN was not repeated: its acknowledgment may have been missed'
        : undefined,
    causeId: isGone ? 'tcp.half-closed.peer-gone' : 'tcp.half-closed.not-closing',
    cause: isGone
      ? `${sideName(firstFin)} closed, and ${who} has not even acknowledged that for ${seconds} s: its host or the way to it is gone`
      : `${sideName(firstFin)} closed, ${who} has neither closed nor sent anything for ${seconds} s: its application forgets to close (a CLOSE_WAIT leak), or is stuck`,
  });
}
