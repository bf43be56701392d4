import { formatIpv4, formatIpv6 } from '../model/address.ts';
import type { NetworkEvent } from '../model/event.ts';
import type { Stranger } from '../track/foreign-packets.ts';
import { Phase } from '../track/phase.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { connectionEvent } from './connection-event.ts';

/** 00023: packets that belong to a connection come from an address that was not asked. */
export function foreignPacket(connection: TrackedConnection, stranger: Stranger, timeUs: number): NetworkEvent {
  const who = strangerText(stranger);
  const isOpening = connection.phase === Phase.synSent;
  const why =
    'address translation is lost on the way back (a packet that conntrack takes for INVALID, an asymmetric route, a second load balancer, a pod that reaches itself through its Service)';
  return connectionEvent('FOREIGN_PACKET', connection, timeUs, {
    value: stranger.port,
    causeId: isOpening ? 'tcp.foreign.answer' : 'tcp.foreign.packet',
    cause: isOpening
      ? `the answer to the SYN comes from another address, ${who}, than was asked: ${why}`
      : `packets of this connection come from another address, ${who}, than was asked: ${why}`,
    facts: { stranger: who },
  });
}

/** `10.0.1.9:8080` or `[fd00::9]:8080`. */
function strangerText({ ipVersion, address, port }: Stranger): string {
  const [first = 0, second = 0, third = 0, fourth = 0] = address.map((word) => word >>> 0);
  return ipVersion === 4 ? `${formatIpv4(first)}:${port}` : `[${formatIpv6(first, second, third, fourth)}]:${port}`;
}
