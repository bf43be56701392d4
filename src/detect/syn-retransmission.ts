import type { NetworkEvent } from '../model/event.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { connectionEvent } from './connection-event.ts';

/** The repetitions that are told: with the usual backoff they come after 1, 3, 7, 63 and more seconds. */
const TOLD_REPETITIONS = new Set([1, 2, 3, 6, 11]);

/** 00001: the initiator repeats its SYN, and nobody has answered. */
export function synRetransmission(connection: TrackedConnection, timeUs: number): NetworkEvent | null {
  const repeats = connection.synRepeats;
  if (!TOLD_REPETITIONS.has(repeats)) return null;
  const cause =
    repeats < 3
      ? 'no answer to the SYN: latency or a lost packet, or nobody at that address (node or pod gone, wrong address, a policy that drops)'
      : 'still no answer to the SYN: nobody at that address (node or pod gone, wrong address), or a network policy or firewall that drops it';
  return connectionEvent('TCP_SYN_RETRANS', connection, timeUs, {
    value: repeats,
    causeId: 'tcp.syn.no-answer',
    cause,
  });
}
