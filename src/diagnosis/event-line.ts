import type { CauseId } from '../model/cause-id.ts';
import { PodSide, Side } from '../model/connection.ts';
import type { EventFacts } from '../model/event.ts';
import { EventCode, type EventName } from '../model/event-code.ts';
import { safeText } from '../model/safe-text.ts';
import { defaultCauseId, isCauseId } from './default-cause.ts';

/** A line of netwevents as it is reported: every text is fit to be shown. */
export interface EventLine {
  readonly name: EventName;
  readonly code: EventCode;
  /** Microseconds since 1970-01-01 UTC. */
  readonly timeUs: number;
  readonly value: number;
  /** For how many more of its kind it stands, in a flood. */
  readonly suppressed: number;
  readonly cause: string;
  /** The same for machines; what is probable where an older agent wrote the line. */
  readonly causeId: CauseId;
  /** Empty, like the ports 0, for an event that is not about a connection. */
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly destinationAddress: string;
  readonly destinationPort: number;
  readonly podSide: PodSide;
  /** Who did it; null when the event does not say. */
  readonly by: Side | null;
  readonly certain: boolean;
  /** Why it is in doubt; empty when nothing is said. */
  readonly confidence: string;
  readonly interfaceName: string;
  readonly podName: string;
  readonly podNamespace: string;
  /** `curl (pid 4711)`; empty when unknown. */
  readonly process: string;
  /** SNI; empty when unknown. */
  readonly serverName: string;
  /** What it knows besides. */
  readonly facts: EventFacts;
  /** Until when the certificate is valid that a TLS event names, microseconds since 1970-01-01 UTC; NaN without. */
  readonly certificateUntilUs: number;
  /** Name of the file that proves it; empty when there is none. */
  readonly pcap: string;
}

type JsonObject = Readonly<Record<string, unknown>>;

const NAMES: ReadonlyMap<unknown, EventName> = new Map(
  (Object.keys(EventCode) as EventName[]).map((name) => [EventCode[name], name]),
);
/** Names of the agent's dumps; nothing else is ever taken for one. */
const DUMP_NAME = /^dump_[0-9a-f._-]+\.pcap(ng)?$/;

/** Reads a line of netwevents; null when it is not one, as a damaged file may have. */
export function parseEventLine(line: string): EventLine | null {
  const json = parseObject(line);
  if (json === null) return null;
  const name = NAMES.get(json['code']);
  const timeUs = Number(json['timemillis']) * 1000 + Number(json['timemicros']);
  if (name === undefined || !Number.isFinite(timeUs)) return null;
  const extra = objectOf(json['extra']);
  const processName = textOf(json['processName']);
  const pcap = textOf(json['pcap']);
  const tls = objectOf(json['tls']);
  const value = numberOf(json['value']);
  const causeId = textOf(json['causeId']);
  return {
    name,
    code: EventCode[name],
    timeUs,
    value,
    suppressed: numberOf(json['suppressed']),
    cause: textOf(json['cause']),
    causeId: isCauseId(causeId) ? causeId : defaultCauseId(name, value),
    sourceAddress: textOf(json['srcIP']),
    sourcePort: numberOf(json['srcPort']),
    destinationAddress: textOf(json['dstIP']),
    destinationPort: numberOf(json['dstPort']),
    podSide: json['nodeIP'] === 0 ? PodSide.initiator : json['nodeIP'] === 1 ? PodSide.responder : PodSide.unknown,
    by: extra['evtSrc'] === 0 ? Side.initiator : extra['evtSrc'] === 1 ? Side.responder : null,
    certain: json['quality'] !== 0,
    confidence: textOf(json['confidence']),
    interfaceName: textOf(json['if']),
    podName: textOf(json['pod']),
    podNamespace: textOf(json['namespace']),
    process: processName === '' ? '' : `${processName} (pid ${numberOf(json['pid'])})`,
    serverName: textOf(tls['serverName']),
    facts: factsOf(extra),
    certificateUntilUs: Date.parse(textOf(objectOf(tls['certificate'])['notAfter'])) * 1000,
    pcap: DUMP_NAME.test(pcap) ? pcap : '',
  };
}

const NUMBER_FACTS = [
  'waitedMs',
  'answeredMs',
  'idleMs',
  'keepAlives',
  'mtu',
  'lostSize',
  'mssFrom',
  'mssTo',
  'segments',
  'lostBefore',
  'lostBeyond',
  'times',
  'windowSeconds',
  'queries',
  'candidates',
] as const satisfies readonly (keyof EventFacts)[];
const TEXT_FACTS = [
  'icmpFrom',
  'stranger',
  'proxiedFrom',
  'path',
  'dnsName',
  'dnsCandidate',
  'dnsType',
] as const satisfies readonly (keyof EventFacts)[];

function factsOf(extra: JsonObject): EventFacts {
  const facts: Record<string, number | string> = {};
  for (const name of NUMBER_FACTS) if (Number.isFinite(extra[name])) facts[name] = Number(extra[name]);
  for (const name of TEXT_FACTS) if (typeof extra[name] === 'string') facts[name] = safeText(extra[name]);
  return facts;
}

/** A JSON object; null for any other text. */
export function parseObject(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as JsonObject) : null;
  } catch {
    return null;
  }
}

function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null ? (value as JsonObject) : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? safeText(value) : '';
}

function numberOf(value: unknown): number {
  const number = Number(value);
  return Number.isFinite(number) ? number : 0;
}

/** `10.0.0.9:8080` or `[fd00::9]:8080`; the address alone where there is no port, as with ICMP. */
export function endpointText(address: string, port: number): string {
  if (port === 0) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
