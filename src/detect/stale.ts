import { Side } from '../model/connection.ts';
import type { NetworkEvent } from '../model/event.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { type Cause, connectionEvent, sideName } from './connection-event.ts';

/** Who keeps an established connection still, as the value of 00007 and 00008. */
const Owes = { nobody: 0, responder: 1, initiator: 2, closedWindow: 3 } as const;

type Owes = (typeof Owes)[keyof typeof Owes];

/**
 * 00007, or 00008 when `again`: no new byte moved for `seconds`. Not told when the bytes may have been among the
 * packets that the capture lost.
 */
export function stale(
  connection: TrackedConnection,
  timeUs: number,
  seconds: number,
  again: boolean,
): NetworkEvent | null {
  if (connection.lossMeanwhile) return null;
  const owes = whoOwes(connection);
  const name = again ? 'TCP_ESTABLISHED_STALE2' : 'TCP_ESTABLISHED_STALE';
  return connectionEvent(name, connection, timeUs, {
    value: owes,
    ...causeOf(connection, owes, seconds),
    doubt: notRepeated(connection, owes),
  });
}

/**
 * Whose turn it is. What was sent and not acknowledged is owed by its receiver. Otherwise the side that spoke first is
 * taken for the one that asks: an unanswered question is owed by the other. A greeting that was never answered
 * (server-first protocols such as SMTP or MySQL) is owed by the client. Of a side that was never seen nothing can be said.
 */
function whoOwes(connection: TrackedConnection): Owes {
  if (connection.oneWay) return Owes.nobody;
  if (connection.windowClosed(Side.initiator) || connection.windowClosed(Side.responder)) return Owes.closedWindow;
  if (connection.unacknowledgedBytes(Side.initiator) > 0) return Owes.responder;
  if (connection.unacknowledgedBytes(Side.responder) > 0) return Owes.initiator;
  if (!connection.spoke(Side.initiator) && !connection.spoke(Side.responder)) return Owes.nobody;
  if (connection.lastSpeaker === Side.initiator) return Owes.responder;
  return connection.spoke(Side.initiator) ? Owes.nobody : Owes.initiator;
}

/** A host that lacks an acknowledgment sends again; one that does not may have had it, unseen. */
function notRepeated(connection: TrackedConnection, owes: Owes): string | undefined {
  if (owes !== Owes.responder && owes !== Owes.initiator) return undefined;
  const from = owes === Owes.responder ? Side.initiator : Side.responder;
  if (connection.unacknowledgedBytes(from) === 0 || connection.hasRepeated(from)) return undefined;
  return 'what is not acknowledged was not sent again: its acknowledgment may have been missed';
}

function causeOf(connection: TrackedConnection, owes: Owes, seconds: number): Cause {
  switch (owes) {
    case Owes.nobody:
      return connection.oneWay
        ? {
            causeId: 'tcp.stale.one-way',
            cause: `no byte moved for ${seconds} s, as far as one direction tells: the other one was not seen`,
          }
        : {
            causeId: 'tcp.stale.idle',
            cause: `no byte in either direction for ${seconds} s and no answer is owed: an idle connection, kept in a pool or forgotten`,
          };
    case Owes.closedWindow: {
      const side = connection.windowClosed(Side.initiator) ? Side.initiator : Side.responder;
      return {
        causeId: 'tcp.stale.window-closed',
        cause: `${sideName(side)} takes no more data (window closed) for ${seconds} s: its application does not read, it hangs or is overloaded`,
      };
    }
    case Owes.responder:
    case Owes.initiator: {
      const side = owes === Owes.responder ? Side.responder : Side.initiator;
      const from = side === Side.responder ? Side.initiator : Side.responder;
      return connection.unacknowledgedBytes(from) > 0
        ? {
            causeId: 'tcp.stale.unacknowledged',
            cause: `${sideName(side)} has not even acknowledged what it was sent for ${seconds} s: its host or the way to it is gone, or packets are dropped`,
          }
        : {
            causeId: 'tcp.stale.answer-owed',
            cause: `${sideName(side)} owes an answer for ${seconds} s: its application is stuck or waits for something else`,
          };
    }
  }
}
