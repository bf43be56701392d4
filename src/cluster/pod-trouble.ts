import type { NetworkEvent } from '../model/event.ts';
import { safeText } from '../model/safe-text.ts';

/** The pod of which events are told, and who tells them. */
export interface EventSubject {
  readonly podName: string;
  readonly podNamespace: string;
  /** `kubectl describe pod` only shows events with the right one; empty when unknown. */
  readonly podUid: string;
  readonly nodeName: string;
}

/** One trouble of the pod, however often it came: becomes one Event object of the cluster. */
export interface PodTrouble {
  /** Name of the object, once it was created. */
  objectName: string | null;
  readonly reason: string;
  /** The event that it came with last. */
  latest: NetworkEvent;
  count: number;
  /** Times in milliseconds since 1970-01-01. */
  readonly firstMs: number;
  lastMs: number;
  /** What of `count` the cluster knows already. */
  told: number;
  toldMs: number;
}

/** Codes that are worth the attention of the pod's owner, and the reason they go by in the cluster. */
const REASONS: Readonly<Partial<Record<NetworkEvent['name'], string>>> = {
  TCP_RESET: 'TcpReset',
  TLS_ALERT: 'TlsAlert',
  TLS_EXCEP: 'TlsException',
  TCP_PARTIAL_CONNECTION: 'TcpPartialConnection',
  TCP_ESTABLISHED_STALE2: 'TcpEstablishedStale',
  TCP_SYN_RESET: 'TcpSynReset',
  TCP_RESET_ABNORMAL: 'TcpResetAbnormal',
  VIF_DISAPPEARED: 'NetworkInterfaceDisappeared',
};

/** The reason of an event; null for one that is not told to the cluster. */
export function reasonOf(event: NetworkEvent): string | null {
  return REASONS[event.name] ?? null;
}

/** Which trouble an event is of: that at one server, for one cause whatever numbers it names. */
export function troubleKey({ name, cause, connection, by }: NetworkEvent): string {
  const server = connection === null ? '' : `${connection.destinationAddress} ${connection.destinationPort}`;
  const flood = cause.indexOf('; a flood: ');
  const what = (flood < 0 ? cause : cause.slice(0, flood)).replace(/\d+/g, '#');
  return `${name}\n${server}\n${by}\n${what}`;
}

/** What is told of an event: its cause, and between whom. */
function messageOf({ cause, connection, confidence }: NetworkEvent): string {
  const doubt = confidence === undefined ? '' : ` (in doubt: ${confidence})`;
  if (connection === null) return safeText(`${cause}${doubt}`);
  const { sourceAddress, sourcePort, destinationAddress, destinationPort, process } = connection;
  const by = process.pid < 0 ? '' : `, process ${process.name}`;
  const ends = `${endpoint(sourceAddress, sourcePort)} → ${endpoint(destinationAddress, destinationPort)}${by}`;
  return `${safeText(cause)} [${safeText(ends)}]${safeText(doubt)}`;
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
    type: 'Warning',
    reason: trouble.reason,
    firstTimestamp: timestamp(trouble.firstMs),
    source: { component: 'dlltagent', ...(nodeName === '' ? {} : { host: nodeName }) },
    reportingComponent: 'dlltagent',
    reportingInstance: nodeName,
    ...eventChange(trouble),
  };
}

/** What changes in the object when its trouble came again. */
export function eventChange({ latest, count, lastMs }: PodTrouble): object {
  return { message: messageOf(latest), count, lastTimestamp: timestamp(lastMs) };
}

/** RFC 3339 in seconds, as these objects have it. */
function timestamp(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
}

function endpoint(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
