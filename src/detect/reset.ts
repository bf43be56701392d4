import { Side } from '../model/connection.ts';
import type { NetworkEvent } from '../model/event.ts';
import { Phase } from '../track/phase.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { type Cause, connectionEvent, sideName } from './connection-event.ts';

const HTTP_PORTS = new Set([80, 8080, 443]);

/** Whether it is the client of an HTTP port that resets an established connection: browsers and probes close like that. */
export function isHttpClientReset(connection: TrackedConnection, by: Side): boolean {
  return by === Side.initiator && connection.phase === Phase.established && HTTP_PORTS.has(connection.responderPort);
}

/** Whether a RST on a connection is a 00002: its SYN was answered, and nobody had said goodbye in order. */
export function isReset(connection: TrackedConnection): boolean {
  return connection.phase !== Phase.synSent && !connection.finSeen && !connection.fatalAlertSeen;
}

/** 00002: a RST ends a connection in the middle of its life. `resets`: how many so far from that address and port. */
export function reset(
  connection: TrackedConnection,
  by: Side,
  resets: number,
  cause: Cause,
  timeUs: number,
): NetworkEvent {
  return connectionEvent('TCP_RESET', connection, timeUs, { value: resets, by, ...cause });
}

/** Returns why probably. */
export function resetCause(connection: TrackedConnection, by: Side): Cause {
  const who = sideName(by);
  const other = by === Side.initiator ? Side.responder : Side.initiator;
  if (connection.phase === Phase.synAcked) {
    return by === Side.initiator
      ? {
          causeId: 'tcp.reset.handshake-by-client',
          cause:
            'the client reset the connection before its handshake was complete: a port scan or a probe, or a client that gave up while it was connecting',
        }
      : {
          causeId: 'tcp.reset.handshake-by-server',
          cause:
            'the server reset the connection before its handshake was complete: its backlog is full, or it crashed',
        };
  }
  if (!connection.spoke(Side.initiator) && !connection.spoke(Side.responder)) {
    return {
      causeId: 'tcp.reset.unused',
      cause: `${who} reset the connection before a byte was sent: a probe that only tests the port, a refused negotiation, or a crash`,
    };
  }
  if (connection.spoke(other) && !connection.spoke(by)) {
    return {
      causeId: 'tcp.reset.unanswered',
      cause: `${who} reset the connection without having answered: it refused what it was sent, or crashed`,
    };
  }
  return {
    causeId: 'tcp.reset.aborted',
    cause: `${who} reset the connection: a crash or a kill of its process, unread data when it closed, or an HTTP peer's way of closing`,
  };
}
