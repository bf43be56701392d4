import { wordsOf } from '../diagnosis/causes.ts';
import { endpointText } from '../diagnosis/event-line.ts';
import { severityOf } from '../diagnosis/severity.ts';
import type { CauseId } from '../model/cause-id.ts';
import { PodSide } from '../model/connection.ts';
import type { NetworkEvent } from '../model/event.ts';
import { EventCode, type EventName } from '../model/event-code.ts';
import { safeText } from '../model/safe-text.ts';

/** The pod of which events are told, and who tells them. */
export interface EventSubject {
  readonly podName: string;
  readonly podNamespace: string;
  /** `kubectl describe pod` only shows events with the right one; empty when unknown. */
  readonly podUid: string;
  readonly nodeName: string;
}

/** What tells one trouble of the pod from another. Nothing in it is text that a peer chooses, such as a server name. */
export interface TroubleIdentity {
  readonly name: EventName;
  readonly causeId: CauseId;
  readonly podSide: PodSide;
  /** Address and port of the server; empty for what is not about a connection. */
  readonly server: string;
}

/** One trouble of the pod, however often it came: becomes one Event object of the cluster. */
export interface PodTrouble extends TroubleIdentity {
  /** Name of the object, once it was created. */
  objectName: string | null;
  readonly reason: string;
  /** The event that it was told by last; null while there was none, as the throttle lets few pass. */
  latest: NetworkEvent | null;
  /** How often it occurred, told or not. */
  count: number;
  /** Times in milliseconds since 1970-01-01. */
  readonly firstMs: number;
  lastMs: number;
  /** What of `count` the cluster knows already. */
  told: number;
  toldMs: number;
}

/** Codes that are worth the attention of the pod's owner, and the reason they go by in the cluster. */
const REASONS: Readonly<Partial<Record<EventName, string>>> = {
  TCP_RESET: 'TcpReset',
  TLS_ALERT: 'TlsAlert',
  TLS_EXCEP: 'TlsException',
  TCP_PARTIAL_CONNECTION: 'TcpPartialConnection',
  TCP_ESTABLISHED_STALE2: 'TcpEstablishedStale',
  TCP_SYN_RESET: 'TcpSynReset',
  TCP_RESET_ABNORMAL: 'TcpResetAbnormal',
  VIF_DISAPPEARED: 'NetworkInterfaceDisappeared',
  DNS_NO_ANSWER: 'DnsNoAnswer',
  DNS_ERROR: 'DnsError',
  ICMP_ERROR: 'IcmpError',
  PATH_MTU: 'PathMtu',
  TCP_LOSS: 'TcpLoss',
  TCP_ZERO_WINDOW: 'TcpZeroWindow',
  HTTP_ERROR: 'HttpError',
  SLOW_ANSWER: 'SlowAnswer',
  NO_ANSWER: 'NoAnswer',
  HALF_CLOSED: 'HalfClosed',
  FOREIGN_PACKET: 'ForeignPacket',
};

/** The reason of a kind of event; null for one that is not told to the cluster. */
export function reasonOf(name: EventName): string | null {
  return REASONS[name] ?? null;
}

/** Which trouble it is, as text. */
export function keyOf({ name, causeId, podSide, server }: TroubleIdentity): string {
  return `${name} ${causeId} ${podSide} ${server}`;
}

/** The trouble an event tells of. */
export function identityOf({ name, causeId, connection }: NetworkEvent): TroubleIdentity {
  if (connection === null) return { name, causeId, podSide: PodSide.unknown, server: '' };
  const { podSide, destinationAddress, destinationPort } = connection;
  return { name, causeId, podSide, server: endpointText(destinationAddress, destinationPort) };
}

/** What is told of a trouble: the cause, and between whom. */
function messageOf({ latest, causeId, server }: PodTrouble): string {
  if (latest === null) return safeText(`${wordsOf(causeId)?.cause ?? causeId} [→ ${server}]`);
  const { cause, connection, confidence } = latest;
  const doubt = confidence === undefined ? '' : ` (in doubt: ${confidence})`;
  if (connection === null) return safeText(`${cause}${doubt}`);
  const { sourceAddress, sourcePort, destinationAddress, destinationPort, process } = connection;
  const by = process.pid < 0 ? '' : `, process ${process.name}`;
  const [from, to] = [endpointText(sourceAddress, sourcePort), endpointText(destinationAddress, destinationPort)];
  return `${safeText(cause)} [${safeText(`${from} → ${to}${by}`)}]${safeText(doubt)}`;
}

/** Warning for what is broken or suspicious, Normal for what is merely worth knowing. */
function typeOf({ name, causeId, podSide }: PodTrouble): 'Warning' | 'Normal' {
  const severity = severityOf({ code: EventCode[name], causeId, by: null, podSide, certain: true });
  return severity === 'worth knowing' ? 'Normal' : 'Warning';
}

/** A trouble as the object that the API server takes (`v1` Event). */
export function eventObject(objectName: string, trouble: PodTrouble, subject: EventSubject): object {
  const { podName, podNamespace, podUid, nodeName } = subject;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: objectName, namespace: podNamespace },
    involvedObject: {
      apiVersion: 'v1',
      kind: 'Pod',
      name: podName,
      namespace: podNamespace,
      ...(podUid === '' ? {} : { uid: podUid }),
    },
    type: typeOf(trouble),
    reason: trouble.reason,
    firstTimestamp: timestamp(trouble.firstMs),
    source: { component: 'dlltagent', ...(nodeName === '' ? {} : { host: nodeName }) },
    reportingComponent: 'dlltagent',
    reportingInstance: nodeName,
    ...eventChange(trouble),
  };
}

/** What changes in the object when its trouble came again. */
export function eventChange(trouble: PodTrouble): object {
  const { count, lastMs } = trouble;
  return { message: messageOf(trouble), count, lastTimestamp: timestamp(lastMs) };
}

/** RFC 3339 in seconds, as these objects have it. */
function timestamp(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
}
