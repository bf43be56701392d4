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

/** What may have been missed that would give another cause. */
function doubtOf(connection: TrackedConnection, by: Side, { causeId }: ResetCause): string | undefined {
  if (causeId === 'tcp.reset.handshake-by-server') return 'the last ACK of the handshake may have been missed';
  const isAnswering = by === Side.initiator && connection.lastSpeaker === Side.responder;
  if (causeId !== 'tcp.reset.aborted' || !isAnswering || connection.isMessageOpen(Side.responder)) return undefined;
  return 'whether the answer before it was whole cannot be told';
}

/** 00002: a RST ends a connection in the middle of its life. `resets`: how many so far from that address and port. */
export function reset(
  connection: TrackedConnection,
  by: Side,
  resets: number,
  cause: ResetCause,
  timeUs: number,
): NetworkEvent {
  return connectionEvent('TCP_RESET', connection, timeUs, {
    value: resets,
    by,
    ...cause,
    doubt: doubtOf(connection, by, cause),
  });
}
