import { Side } from '../model/connection.ts';
import type { NetworkEvent } from '../model/event.ts';
import { EventCode } from '../model/event-code.ts';
import type { PathMtuTrouble } from '../track/path-mtu.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { connectionEvent, sideName } from './connection-event.ts';

/** 00015: large segments do not get through though small ones do. Not told when the capture itself lost packets. */
export function blackHole(
  connection: TrackedConnection,
  { side, passedBytes, lostBytes }: PathMtuTrouble,
  timeUs: number,
): NetworkEvent | null {
  if (connection.lossMeanwhile || connection.failure === EventCode.PATH_MTU) return null;
  const event = connectionEvent('PATH_MTU', connection, timeUs, {
    value: passedBytes,
    by: side,
    causeId: 'path-mtu.black-hole',
    cause: `large packets of ${sideName(side)} (${lostBytes} bytes) do not get through, small ones (up to ${passedBytes} bytes) do: the MTU is smaller somewhere on the way, and ICMP that would say so does not come`,
    facts: { lostSize: lostBytes, ...segmentSizes(connection) },
  });
  const doubt = 'it is concluded from sizes: a way that loses everything looks alike';
  return { ...event, confidence: event.confidence === undefined ? doubt : `${event.confidence}; ${doubt}` };
}

/** 00015: ICMP named a smaller MTU, and its receiver goes on sending larger packets. */
export function mtuIgnored(
  connection: TrackedConnection,
  side: Side,
  mtu: number,
  size: number,
  from: string,
  timeUs: number,
): NetworkEvent {
  return connectionEvent('PATH_MTU', connection, timeUs, {
    value: mtu,
    by: side,
    causeId: 'path-mtu.ignored',
    cause: `${from} says that the way takes ${mtu} bytes, and ${sideName(side)} goes on sending ${size}: ICMP does not reach it, or its kernel ignores it`,
    facts: { mtu, lostSize: size, icmpFrom: from, ...segmentSizes(connection) },
  });
}

function segmentSizes(connection: TrackedConnection): { mssFrom?: number; mssTo?: number } {
  const mssFrom = connection.segmentSize(Side.initiator);
  const mssTo = connection.segmentSize(Side.responder);
  return { ...(mssFrom > 0 && { mssFrom }), ...(mssTo > 0 && { mssTo }) };
}
