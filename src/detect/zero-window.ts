import { Side } from '../model/connection.ts';
import type { NetworkEvent } from '../model/event.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { connectionEvent, sideName } from './connection-event.ts';

const SIDES: readonly Side[] = [Side.initiator, Side.responder];

/** 00017: the window of a side has been closed for `seconds` while the other has more to send; once a closing. */
export function zeroWindow(
  connection: TrackedConnection,
  side: Side,
  timeUs: number,
  seconds: number,
): NetworkEvent | null {
  const closedSeconds = Math.floor(connection.closedMs(side) / 1000);
  if (closedSeconds < seconds || connection.isZeroWindowTold(side) || connection.oneWay) return null;
  connection.noteZeroWindowTold(side);
  const sender = side === Side.initiator ? Side.responder : Side.initiator;
  return connectionEvent('TCP_ZERO_WINDOW', connection, timeUs, {
    value: closedSeconds,
    by: side,
    causeId: 'tcp.zero-window',
    cause: `${sideName(side)} has had no room for what ${sideName(sender)} has to send for ${closedSeconds} s (window closed): its application does not read, it is busy, deadlocked, or out of CPU`,
  });
}

/** 00017 for a connection that ended while a window was closed. */
export function leftClosed(connection: TrackedConnection, seconds: number): NetworkEvent | null {
  for (const side of SIDES) {
    if (connection.closedMs(side) < seconds * 1000) continue;
    const sender = side === Side.initiator ? Side.responder : Side.initiator;
    const hasMore = connection.isProbed(side) || connection.unacknowledgedBytes(sender) > 0;
    if (hasMore) return zeroWindow(connection, side, connection.endUs, seconds);
  }
  return null;
}
