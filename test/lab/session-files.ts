import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CauseId } from '../../src/model/cause-id.ts';
import type { EventFacts, TlsFacts } from '../../src/model/event.ts';
import type { EventCode, EventName } from '../../src/model/event-code.ts';

/** A line of netwevents. */
export interface EventLine {
  readonly srcIP: string;
  readonly dstIP: string;
  readonly nodeIP: number;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly code: EventCode;
  readonly name: EventName;
  readonly value: number;
  readonly quality: number;
  readonly if: string;
  readonly pid: string;
  readonly podPid?: string;
  readonly cmd: string;
  readonly processName: string;
  readonly timemillis: string;
  readonly timemicros: string;
  readonly latency: number;
  readonly extra: { readonly LatencyLocal?: number; readonly evtSrc?: number } & EventFacts;
  readonly time: string;
  readonly cause: string;
  readonly causeId: CauseId;
  readonly pod?: string;
  readonly namespace?: string;
  readonly pcap?: string;
  readonly midstream?: boolean;
  readonly confidence?: string;
  readonly tls?: TlsFacts;
  readonly suppressed?: number;
}

/** A line of flows. */
export interface FlowLine {
  readonly srcIP: string;
  readonly srcPort: number;
  readonly dstIP: string;
  readonly dstPort: number;
  readonly pid: number;
  readonly ppid: number;
  readonly uid: number;
  readonly processName: string;
  readonly beginSec: number;
  readonly beginUsec: number;
  readonly fromInternet: number;
  readonly interface: string;
}

/** A line of end_flows. */
export interface EndFlowLine {
  readonly srcIP: string;
  readonly srcPort: number;
  readonly dstIP: string;
  readonly dstPort: number;
  readonly beginSec: number;
  readonly beginUsec: number;
  readonly endSec: number;
  readonly endUsec: number;
  readonly latency1: number;
  readonly latency2: number;
  readonly latency3: number;
  readonly dataFrom: number;
  readonly dataTo: number;
  readonly connType: number;
  readonly endType: number;
  readonly evtSrc: number;
  readonly quality: number;
  readonly pid: number;
  readonly ppid: number;
  readonly uid: number;
  readonly processName: string;
  readonly latency4: number;
  readonly retransmittedTo: number;
  readonly retransmittedFrom: number;
  readonly outOfOrderTo: number;
  readonly outOfOrderFrom: number;
  readonly rttToUs: number;
  readonly rttFromUs: number;
  readonly zeroWindowToMs: number;
  readonly zeroWindowFromMs: number;
  readonly httpErrors: number;
  readonly srcName: string;
  readonly dstName: string;
  /** The code of the kind of trouble that the connection had; empty for none. */
  readonly failure: string;
}

/** A line of process_flows. */
export interface ProcessFlowLine {
  readonly sec: number;
  readonly usec: number;
  readonly tgid: number;
  readonly pid: number;
  readonly comm: string;
  readonly ppid: number;
  readonly uid: number;
  readonly srcIP: string;
  readonly srcPort: number;
  readonly dstIP: string;
  readonly dstPort: number;
}

/** A line of log_notif; other keys depend on the message. */
export interface LogLine {
  readonly level: number | string;
  readonly msg: string;
  readonly [key: string]: unknown;
}

/** Columns that stay text whatever they look like. */
const TEXT_COLUMNS = new Set(['srcIP', 'dstIP', 'processName', 'interface', 'comm', 'srcName', 'dstName', 'failure']);

function wholeLines(directory: string, prefix: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name.startsWith(prefix) && name.endsWith('.log'))
    .sort()
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n').slice(0, -1));
}

/** Fields of a CSV line (RFC 4180 §2). */
export function splitCsvLine(line: string): string[] {
  return [...line.matchAll(/(?<=^|,)(?:"((?:[^"]|"")*)"|([^,]*))(?=,|$)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  );
}

function csvRows<T>(directory: string, prefix: string): T[] {
  const rows: T[] = [];
  let columns: string[] = [];
  for (const line of wholeLines(directory, prefix)) {
    if (line.startsWith('#')) {
      columns = line.slice(1).trim().split(',');
      continue;
    }
    const fields = splitCsvLine(line);
    const row = columns.map((name, i) => [name, TEXT_COLUMNS.has(name) ? fields[i] : Number(fields[i])] as const);
    rows.push(Object.fromEntries(row) as T);
  }
  return rows;
}

function jsonLines<T>(directory: string, prefix: string): T[] {
  return wholeLines(directory, prefix).map((line) => JSON.parse(line) as T);
}

/** What a session wrote into its directory, typed. A line that is not whole yet is left out. */
export const readEvents = (directory: string): EventLine[] => jsonLines(directory, 'netwevents_');
/** Lines of flows_*.log. */
export const readFlows = (directory: string): FlowLine[] => csvRows(directory, 'flows_');
/** Lines of end_flows_*.log. */
export const readEndFlows = (directory: string): EndFlowLine[] => csvRows(directory, 'end_flows_');
/** Lines of process_flows_*.log. */
export const readProcessFlows = (directory: string): ProcessFlowLine[] => csvRows(directory, 'process_flows_');
/** Lines of processEBPF_*.log. */
export const readEbpfLog = (directory: string): LogLine[] => jsonLines(directory, 'processEBPF_');
/** Lines of log_notif_*.log. */
export const readLog = (directory: string): LogLine[] => jsonLines(directory, 'log_notif_');
/** Names of the finished pcaps. */
export const pcapNames = (directory: string): string[] =>
  existsSync(directory) ? readdirSync(directory).filter((name) => name.endsWith('.pcap')) : [];
