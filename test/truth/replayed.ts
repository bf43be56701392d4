import { DEFAULT_SETTINGS } from '../../src/config/settings.ts';
import { DnsLookups } from '../../src/diagnosis/dns-lookups.ts';
import { parseEndFlowLine } from '../../src/diagnosis/end-flow-line.ts';
import { parseEventLine } from '../../src/diagnosis/event-line.ts';
import type { Finding } from '../../src/diagnosis/finding.ts';
import { Findings } from '../../src/diagnosis/findings.ts';
import { Servers } from '../../src/diagnosis/servers.ts';
import type { Connection } from '../../src/model/connection.ts';
import { addressText, type NetworkEvent } from '../../src/model/event.ts';
import { EventCode } from '../../src/model/event-code.ts';
import { LiveSettings } from '../../src/model/live-settings.ts';
import { engineMemory } from '../../src/model/memory-supply.ts';
import { appendEndFlow } from '../../src/output/end-flow-file.ts';
import { formatEvent } from '../../src/output/event-file.ts';
import { LineBuffer } from '../../src/output/line-buffer.ts';
import { buildPipeline } from '../../src/pipeline/pipeline.ts';
import { type Captured, CapturedSource } from './captured.ts';

/** What an event says, without when: its connection, code, cause and who did it. */
export interface Claim {
  readonly text: string;
  readonly isCertain: boolean;
}

/** A line of end_flows, as far as it is compared. */
export interface Flow {
  /** Both endpoints, whichever of them is the initiator. */
  readonly ends: string;
  readonly endType: number;
  /** Bytes sent by the lower of the two endpoints, and by the other one. */
  readonly bytes: string;
  readonly failure: string;
  readonly isCertain: boolean;
}

/** All that is said of a capture. */
export interface Replayed {
  readonly claims: readonly Claim[];
  readonly flows: readonly Flow[];
  readonly findings: readonly Finding[];
  readonly events: readonly NetworkEvent[];
}

const FRAMES_AT_ONCE = 1_000;
const ORIGIN = { interfaceName: 'replay', podName: '', podNamespace: '' };
/** Codes whose value is a statement of its own: the version of TLS, the alert, whose turn it is. */
const VALUE_MATTERS: ReadonlySet<string> = new Set(['00003', '00004', '00006', '00021', '00022']);

/** Sends frames the whole way in memory, lets `restSeconds` pass behind them, and ends. */
export function replayFrames(frames: readonly Captured[], restSeconds: number): Replayed {
  const events: NetworkEvent[] = [];
  const flows: Flow[] = [];
  const lines: string[] = [];
  const line = new LineBuffer();
  const settings = new LiveSettings({
    ...DEFAULT_SETTINGS,
    maxConnections: 16,
    eventThrottle: false,
    noEventHttpClientReset: false,
    noEventHttpsClientSslShutdown: false,
  });
  const sink = {
    connectionBegan() {},
    connectionEnded(connection: Connection) {
      flows.push(flowOf(connection));
      line.length = 0;
      appendEndFlow(line, connection);
      lines.push(line.bytes.toString('utf8', 0, line.length));
    },
    occurred() {},
    queryOccurred() {},
    queryAnswered() {},
    questionEnded() {},
    event: (event: NetworkEvent) => events.push(event),
    note() {},
  };
  const { processor, emitter } = buildPipeline({ settings, seed: 7, memory: engineMemory, sink, dumpSink: null });
  const source = new CapturedSource(frames);
  while (!processor.drain(source, FRAMES_AT_ONCE));
  const endUs = processor.nowUs + restSeconds * 1e6;
  while (processor.advance(endUs));
  while (processor.tracker.stop(endUs));
  emitter.finish();
  return { claims: events.map(claimOf), flows, findings: findingsOf(events, lines, endUs), events };
}

function claimOf(event: NetworkEvent): Claim {
  const { name, causeId, by, connection, value } = event;
  const code = EventCode[name];
  const where =
    connection === null
      ? '-'
      : `${connection.sourceAddress}:${connection.sourcePort}>${connection.destinationAddress}:${connection.destinationPort}`;
  const said = VALUE_MATTERS.has(code) ? ` ${value}` : '';
  return {
    text: `${code}${said} ${causeId} by ${by ?? '-'} ${where}`,
    isCertain: event.certain ?? event.confidence === undefined,
  };
}

function flowOf(connection: Connection): Flow {
  const initiator = `${addressText(connection, 0)}:${connection.initiatorPort}`;
  const responder = `${addressText(connection, 1)}:${connection.responderPort}`;
  const { initiatorBytes, responderBytes, endType, failure, certain } = connection;
  const isLower = initiator < responder;
  return {
    ends: isLower ? `${initiator} ${responder}` : `${responder} ${initiator}`,
    endType,
    bytes: isLower ? `${initiatorBytes}/${responderBytes}` : `${responderBytes}/${initiatorBytes}`,
    failure,
    isCertain: certain,
  };
}

function findingsOf(events: readonly NetworkEvent[], lines: readonly string[], endUs: number): Finding[] {
  if (events.length === 0 && lines.every((line) => line.endsWith(','))) return []; // no event and no failure
  const findings = new Findings();
  const servers = new Servers();
  for (const event of events) {
    const parsed = parseEventLine(formatEvent(event, ORIGIN));
    if (parsed === null) throw new Error(`Cannot read the line of an event: ${event.name}`);
    findings.add(parsed);
  }
  for (const text of lines) {
    const flow = parseEndFlowLine(text);
    if (flow === null) throw new Error(`Cannot read a line of end_flows: ${text}`);
    servers.add(flow);
    findings.ended(flow);
  }
  return findings.list({ servers, lookups: new DnsLookups(), endUs, hasFile: () => true });
}
