import type { CauseId } from '../model/cause-id.ts';
import type { Side } from '../model/connection.ts';
import type { NetworkEvent } from '../model/event.ts';
import { EventCode } from '../model/event-code.ts';
import type { IcmpError } from '../track/icmp-errors.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { type Cause, connectionEvent, sideName } from './connection-event.ts';
import { mtuIgnored } from './path-mtu.ts';

/** Kinds of errors, by IP version and type × 256 + code (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7; RFC 4443 §3). */
const KINDS: Readonly<Record<4 | 6, ReadonlyMap<number, CauseId>>> = {
  4: new Map<number, CauseId>([
    [0x300, 'icmp.net-unreachable'],
    [0x301, 'icmp.host-unreachable'],
    [0x303, 'icmp.port-unreachable'],
    [0x304, 'icmp.fragmentation-needed'],
    [0x306, 'icmp.net-unreachable'],
    [0x307, 'icmp.host-unreachable'],
    [0x309, 'icmp.prohibited'],
    [0x30a, 'icmp.prohibited'],
    [0x30d, 'icmp.prohibited'],
    [0xb00, 'icmp.ttl-exceeded'],
  ]),
  6: new Map<number, CauseId>([
    [0x100, 'icmp.net-unreachable'],
    [0x101, 'icmp.prohibited'],
    [0x103, 'icmp.host-unreachable'],
    [0x104, 'icmp.port-unreachable'],
    [0x105, 'icmp.prohibited'],
    [0x106, 'icmp.prohibited'],
    [0x200, 'icmp.fragmentation-needed'],
    [0x300, 'icmp.ttl-exceeded'],
  ]),
};

/**
 * 00014 for an ICMP error about a connection, once a connection. `Fragmentation needed` is how a sender learns the MTU:
 * it is trouble (00015) only when the sender goes on as before.
 */
export function icmpError(connection: TrackedConnection, error: IcmpError, timeUs: number): NetworkEvent | null {
  const { code, side, from, mtu, isRepeated } = error;
  const { causeId, cause } = icmpCause(connection.ipVersion, code, side, from);
  if (causeId === 'icmp.fragmentation-needed') {
    if (!isRepeated || connection.failure === EventCode.PATH_MTU) return null;
    return mtuIgnored(connection, side, mtu, error.sizeBytes, from, timeUs);
  }
  if (connection.failure === EventCode.ICMP_ERROR) return null;
  return connectionEvent('ICMP_ERROR', connection, timeUs, {
    value: code,
    causeId,
    cause,
    facts: { icmpFrom: from },
  });
}

/** Returns what an error of type × 256 + code, sent by `from`, says of a packet of `side`. */
export function icmpCause(ipVersion: number, code: number, side: Side, from: string): Cause {
  const causeId = KINDS[ipVersion === 4 ? 4 : 6].get(code) ?? 'icmp.other';
  const who = sideName(side);
  const says = `${from} answers a packet of ${who} by ICMP`;
  switch (causeId) {
    case 'icmp.port-unreachable':
      return {
        causeId,
        cause: `${says}: port unreachable. The Service has no endpoints that are ready (kube-proxy rejects for it), or a rule rejects this port`,
      };
    case 'icmp.prohibited':
      return { causeId, cause: `${says}: administratively prohibited. A network policy or a firewall rejects it` };
    case 'icmp.host-unreachable':
      return {
        causeId,
        cause: `${says}: host unreachable. Nobody has that address now: the pod or its node is down, or there is no route to it`,
      };
    case 'icmp.net-unreachable':
      return { causeId, cause: `${says}: network unreachable. There is no route to that address` };
    case 'icmp.ttl-exceeded':
      return { causeId, cause: `${says}: time to live exceeded. The packet goes round in a circle of routes` };
    default:
      return { causeId, cause: `${says}: type ${code >> 8}, code ${code & 0xff}` };
  }
}
