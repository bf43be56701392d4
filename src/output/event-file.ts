import { PodSide } from '../model/connection.ts';
import type { ConnectionSummary, NetworkEvent } from '../model/event.ts';
import { EventCode } from '../model/event-code.ts';
import { UNKNOWN_PROCESS } from '../model/process.ts';
import { formatIsoTime } from '../model/utc-time.ts';
import { TimedNames } from './file-names.ts';
import { EVENT_FLUSH_DELAY_MS, MAX_LOG_BYTES, type OutputTarget } from './output-target.ts';
import { RotatingFile } from './rotating-file.ts';

/** Whose events these are: named in every one of them. */
export interface EventOrigin {
  readonly interfaceName: string;
  readonly podName: string;
  readonly podNamespace: string;
}

/** Stands in for the connection of an event that is not about one. */
const NO_CONNECTION: ConnectionSummary = {
  sourceAddress: '',
  destinationAddress: '',
  sourcePort: 0,
  destinationPort: 0,
  podSide: PodSide.unknown,
  synAckLatencyUs: 0,
  ackLatencyUs: 0,
  midstream: false,
  process: UNKNOWN_PROCESS,
};

/** An event as one line of JSON, without its end. Keys, their order and their types are a contract with parsers. */
export function formatEvent(event: NetworkEvent, origin: EventOrigin): string {
  const connection = event.connection ?? NO_CONNECTION;
  const { process, podSide } = connection;
  const known = process.name !== UNKNOWN_PROCESS.name;
  const latencies = [Math.trunc(connection.synAckLatencyUs), Math.trunc(connection.ackLatencyUs)];
  const [farLatency, localLatency] = podSide === PodSide.responder ? latencies.reverse() : latencies;
  const timeMs = Math.floor(event.timeUs / 1000);
  const microseconds = Math.trunc(event.timeUs - timeMs * 1000);
  return JSON.stringify({
    srcIP: connection.sourceAddress,
    dstIP: connection.destinationAddress,
    nodeIP: podSide,
    srcPort: connection.sourcePort,
    dstPort: connection.destinationPort,
    code: EventCode[event.name],
    value: event.value,
    quality: (event.certain ?? event.confidence === undefined) ? 1 : 0,
    if: origin.interfaceName,
    pid: String(process.pid),
    cmd: process.commandLine,
    processName: known ? process.name : '',
    timemillis: String(timeMs),
    timemicros: String(microseconds),
    latency: farLatency,
    extra: { LatencyLocal: localLatency, evtSrc: event.by, ...event.facts },
    time: formatIsoTime(event.timeUs),
    name: event.name,
    cause: event.cause,
    pod: origin.podName,
    namespace: origin.podNamespace,
    causeId: event.causeId,
    tls: event.tls,
    pcap: event.pcap,
    midstream: connection.midstream || undefined,
    confidence: event.confidence,
    podPid: process.podPid === undefined ? undefined : String(process.podPid),
    suppressed: event.suppressed,
  });
}

/** `netwevents_<time>.log`: a line of JSON per event. Files are named by the time of their first event. */
export class EventFile {
  /** The file below: its counters, `start`, `flush`, `drain` and `close`. */
  readonly file: RotatingFile;
  readonly #origin: EventOrigin;
  /** The event that was formatted last, and its line: pages are told what was just written. */
  #latest: NetworkEvent | null = null;
  #latestLine = '';

  constructor(target: OutputTarget, origin: EventOrigin) {
    this.#origin = origin;
    this.file = new RotatingFile({
      ...target,
      naming: new TimedNames('netwevents'),
      flushDelayMs: EVENT_FLUSH_DELAY_MS,
      maxBytes: MAX_LOG_BYTES,
    });
  }

  /** An event as it is written, without its end. */
  format(event: NetworkEvent): string {
    if (event !== this.#latest) {
      this.#latest = event;
      this.#latestLine = formatEvent(event, this.#origin);
    }
    return this.#latestLine;
  }

  /** Writes one event; it is on its way to the disk within 50 ms. */
  write(event: NetworkEvent): void {
    this.file.beginLine(event.timeUs).text(this.format(event));
    this.file.endLine();
  }
}
