import { Side } from '../model/connection.ts';
import type { NetworkEvent } from '../model/event.ts';
import { Phase } from '../track/phase.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { connectionEvent } from './connection-event.ts';
import type { ResetCause } from './reset-cause.ts';

const HTTP_PORTS = new Set([80, 8080, 443]);

/** Whether it is the client of an HTTP port that resets an established connection: browsers and probes close like that. */
export function isHttpClientReset(connection: TrackedConnection, by: Side): boolean {
  return by === Side.initiator && connection.phase === Phase.established && HTTP_PORTS.has(connection.responderPort);
}

/** Whether a RST on a connection is a 00002: its SYN was answered, and nobody had said goodbye in order. */
export function isReset(connection: TrackedConnection, by: Side): boolean {
  if (by === Side.responder && connection.saidGoodbye) return false;
  return connection.phase !== Phase.synSent && !connection.finSeen && !connection.fatalAlertSeen;
}

/** 00002: a RST ends a connection in the middle of its life. `resets`: how many so far from that address and port. */
export function reset(
  connection: TrackedConnection,
  by: Side,
  resets: number,
  cause: ResetCause,
  timeUs: number,
): NetworkEvent {
  return connectionEvent('TCP_RESET', connection, timeUs, { value: resets, by, ...cause });
}
