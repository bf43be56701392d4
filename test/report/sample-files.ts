import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PodSide } from '../../src/model/connection.ts';
import { DNS_LOG_HEADER } from '../../src/model/dns-log-columns.ts';
import type { NetworkEvent } from '../../src/model/event.ts';
import { END_FLOW_HEADER } from '../../src/model/flow-columns.ts';
import { UNKNOWN_PROCESS } from '../../src/model/process.ts';
import { appendEndFlow } from '../../src/output/end-flow-file.ts';
import { formatEvent } from '../../src/output/event-file.ts';
import { LineBuffer } from '../../src/output/line-buffer.ts';
import { sampleConnection } from '../output/sample-connection.ts';

/** 2023-11-14T22:13:20Z. */
export const T0_US = 1_700_000_000_000_000;

const ORIGIN = { interfaceName: 'veth1a2b', podName: 'web-7c9f4', podNamespace: 'shop' };

/** A line of netwevents: the pod is refused by 10.0.0.9:8080, with what a test wants different. */
export function eventLine(change: Partial<NetworkEvent> = {}, ends: Partial<NetworkEvent['connection']> = {}): string {
  const connection = {
    sourceAddress: '10.0.0.7',
    destinationAddress: '10.0.0.9',
    sourcePort: 40222,
    destinationPort: 8080,
    podSide: PodSide.initiator,
    synAckLatencyUs: 0,
    ackLatencyUs: 0,
    midstream: false,
    process: UNKNOWN_PROCESS,
    ...ends,
  };
  const event: NetworkEvent = {
    name: 'TCP_SYN_RESET',
    timeUs: T0_US,
    value: 1,
    causeId: 'tcp.refused.nobody-listens',
    cause: 'connection refused',
    connection,
    ...change,
  };
  return `${formatEvent(event, ORIGIN)}\n`;
}

/** A line of end_flows that ended in order at `endUs`, to 10.96.0.1 and a port. */
export function endFlowLine(endUs: number, responderPort = 8443): string {
  const line = new LineBuffer();
  appendEndFlow(line, sampleConnection({ endUs, beginUs: endUs - 1000, responderPort }));
  return `${line.bytes.toString('utf8', 0, line.length)}\n`;
}

/** Makes a session's directory, and appends text to files in it. */
export class SampleSession {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
    mkdirSync(directory, { recursive: true });
  }

  events(text: string | Uint8Array, time = '2023_11_14_22_13_20'): void {
    appendFileSync(join(this.directory, `netwevents_${time}.log`), text);
  }

  endFlows(text: string): void {
    appendFileSync(join(this.directory, 'end_flows_2023_11_14_22_13_20.log'), `${END_FLOW_HEADER}\n${text}`);
  }

  questions(text: string): void {
    appendFileSync(join(this.directory, 'dns_2023_11_14_22_13_20.log'), `${DNS_LOG_HEADER}\n${text}`);
  }

  log(line: object): void {
    appendFileSync(join(this.directory, 'log_notif_2023_11_14_22_13_20.log'), `${JSON.stringify(line)}\n`);
  }

  file(name: string): void {
    appendFileSync(join(this.directory, name), '');
  }
}
