import type { NetworkEvent } from '../model/event.ts';
import { EventCode } from '../model/event-code.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { type Cause, connectionEvent } from './connection-event.ts';
import { knownSynCause } from './syn-cause.ts';

/** Hosts wait a second (RFC 6298 §2.1), some less; who is faster has captured a packet twice, or makes packets himself. */
const SOONEST_REPEAT_US = 150_000;
/** The repetitions that are told: with the usual backoff they come after 1, 3, 7, 63 and more seconds. */
const TOLD_REPETITIONS = new Set([1, 2, 3, 6, 11]);

/**
 * 00001: the initiator repeats its SYN, and nobody has answered. `answeredAgoUs`: how long ago the server last answered
 * somebody.
 */
export function synRetransmission(
  connection: TrackedConnection,
  timeUs: number,
  answeredAgoUs: number,
): NetworkEvent | null {
  const repeats = connection.synRepeats;
  if (!TOLD_REPETITIONS.has(repeats) || connection.failure === EventCode.ICMP_ERROR) return null;
  const cause = knownSynCause(connection, answeredAgoUs) ?? unknownCause(repeats);
  return connectionEvent('TCP_SYN_RETRANS', connection, timeUs, {
    value: repeats,
    ...cause,
    doubt:
      timeUs - connection.beginUs < repeats * SOONEST_REPEAT_US
        ? 'it came sooner than a host repeats its SYN: it may be a second copy of the same packet'
        : undefined,
  });
}

function unknownCause(repeats: number): Cause {
  return {
    causeId: 'tcp.syn.no-answer',
    cause:
      repeats < 3
        ? 'no answer to the SYN: latency or a lost packet, or nobody at that address (node or pod gone, wrong address, a policy that drops)'
        : 'still no answer to the SYN: nobody at that address (node or pod gone, wrong address), or a network policy or firewall that drops it',
  };
}
