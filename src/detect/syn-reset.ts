import { Side } from '../model/connection.ts';
import type { NetworkEvent } from '../model/event.ts';
import { Phase } from '../track/phase.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { connectionEvent } from './connection-event.ts';

/** Whether a RST on a connection is a 00009: it answers the SYN. */
export function isSynReset(connection: TrackedConnection, by: Side): boolean {
  return connection.phase === Phase.synSent && by === Side.responder;
}

/** 00009: the SYN was answered by RST. `resets`: how many so far from that address and port. */
export function synReset(connection: TrackedConnection, resets: number, timeUs: number): NetworkEvent {
  const cause =
    resets < 10
      ? 'connection refused: nobody listens on that port (crashed, not yet started, wrong port)'
      : 'connections are refused again and again: nobody listens on that port (crashed, wrong port), or somebody scans it';
  return connectionEvent('TCP_SYN_RESET', connection, timeUs, {
    value: resets,
    causeId: 'tcp.refused.nobody-listens',
    cause,
    doubt: connection.isResetNumbered
      ? 'the RST has a sequence number: a SYN-ACK before it may have been missed'
      : undefined,
  });
}
