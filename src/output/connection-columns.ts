import { type Connection, Side } from '../model/connection.ts';
import { SECOND_US } from '../model/second.ts';
import type { Endpoints } from '../model/seen-connection.ts';
import type { LineBuffer } from './line-buffer.ts';

/** Appends `srcIP,srcPort,dstIP,dstPort`, the columns that flow files have in common. */
export function appendEndpoints(line: LineBuffer, connection: Endpoints): void {
  appendAddress(line, connection, Side.initiator);
  line.comma();
  line.integer(connection.initiatorPort);
  line.comma();
  appendAddress(line, connection, Side.responder);
  line.comma();
  line.integer(connection.responderPort);
}

/** Appends `,seconds,microseconds` of a time in microseconds since 1970-01-01. */
export function appendTime(line: LineBuffer, timeUs: number): void {
  const seconds = Math.floor(timeUs / SECOND_US);
  line.comma();
  line.integer(seconds);
  line.comma();
  line.integer(timeUs - seconds * SECOND_US);
}

/** Appends `,pid,ppid,uid,processName`. */
export function appendProcess(line: LineBuffer, connection: Connection): void {
  const { process } = connection;
  line.comma();
  line.integer(process.pid);
  line.comma();
  line.integer(process.ppid);
  line.comma();
  line.integer(process.uid);
  line.comma();
  line.field(process.name);
}

function appendAddress(line: LineBuffer, connection: Endpoints, side: Side): void {
  if (connection.ipVersion === 4) {
    line.ipv4(connection.addressWord(side, 0));
  } else {
    line.ipv6(
      connection.addressWord(side, 0),
      connection.addressWord(side, 1),
      connection.addressWord(side, 2),
      connection.addressWord(side, 3),
    );
  }
}
