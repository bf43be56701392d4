import { DnsLookups } from '../../src/diagnosis/dns-lookups.ts';
import { parseEndFlowLine } from '../../src/diagnosis/end-flow-line.ts';
import { parseEventLine } from '../../src/diagnosis/event-line.ts';
import type { Finding } from '../../src/diagnosis/finding.ts';
import { Findings } from '../../src/diagnosis/findings.ts';
import { Servers } from '../../src/diagnosis/servers.ts';
import { type Connection, EndType } from '../../src/model/connection.ts';
import type { NetworkEvent } from '../../src/model/event.ts';
import { EventCode } from '../../src/model/event-code.ts';
import { appendEndFlow } from '../../src/output/end-flow-file.ts';
import { LineBuffer } from '../../src/output/line-buffer.ts';
import { sampleConnection } from '../output/sample-connection.ts';
import { eventLine, T0_US } from '../report/sample-files.ts';

/** The server of the samples: the pod connects from 10.0.0.7. */
export const SERVER = '10.0.0.9:8080';
const POD = [0x0a000007, 0, 0, 0];
const SERVER_WORDS = [0x0a000009, 0, 0, 0];

export const seconds = (number: number) => T0_US + number * 1_000_000;

/** An event of the connection from `sourcePort`, `at` seconds after the beginning. */
export function told(at: number, sourcePort: number, change: Partial<NetworkEvent> = {}): string {
  return eventLine({ timeUs: seconds(at), ...change }, { sourcePort });
}

/** A connection from `initiatorPort` that began `at` seconds after the beginning, and went well. */
export function ended(at: number, initiatorPort: number, change: Partial<Connection> = {}): string {
  const line = new LineBuffer();
  const times = { beginUs: seconds(at), endUs: seconds(at) + 1000 };
  const connection = { initiatorPort, responderPort: 8080, ...times, ...change };
  appendEndFlow(line, sampleConnection(connection, [POD, SERVER_WORDS]));
  return line.bytes.toString('utf8', 0, line.length);
}

/** What is different in a connection whose SYN had no answer. */
export const NO_SYN_ACK = { synAckLatencyUs: 0, ackLatencyUs: 0, tlsLatencyUs: 0, firstByteLatencyUs: 0 } as const;
/** What is different in a connection that was refused. */
export const REFUSED = {
  ...NO_SYN_ACK,
  initiatorBytes: 0,
  responderBytes: 0,
  endType: EndType.reset,
  failure: EventCode.TCP_SYN_RESET,
} as const;

/** Lines of events and of connections that ended, and what is around them. */
export interface Files {
  readonly earlier?: readonly string[];
  readonly events?: readonly string[];
  readonly flows?: readonly string[];
  /** Seconds after the beginning. */
  readonly end?: number;
}

/** What is found in lines. */
export function examine({ earlier = [], events = [], flows = [], end = 60 }: Files): Finding[] {
  const findings = new Findings();
  const servers = new Servers();
  for (const text of earlier) findings.addEarlier(read(parseEventLine(text), text));
  for (const text of events) findings.add(read(parseEventLine(text), text));
  for (const text of flows) {
    const flow = read(parseEndFlowLine(text), text);
    servers.add(flow);
    findings.ended(flow);
  }
  return findings.list({ servers, lookups: new DnsLookups(), endUs: seconds(end), hasFile: () => true });
}

function read<Line>(line: Line | null, text: string): Line {
  if (line === null) throw new Error(`damaged: ${text}`);
  return line;
}
