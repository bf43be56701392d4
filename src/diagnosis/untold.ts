import { EndType, PodSide, type Side } from '../model/connection.ts';
import { EventCode, type EventName } from '../model/event-code.ts';
import { wordsOf } from './causes.ts';
import { defaultCauseId } from './default-cause.ts';
import type { EndFlowLine } from './end-flow-line.ts';
import type { EventLine } from './event-line.ts';
import type { Failures } from './servers.ts';

const MOST_ADDRESSES = 64;
const NAMES = new Map((Object.keys(EventCode) as EventName[]).map((name) => [EventCode[name], name]));

/** The pod's addresses, as the events tell them: lines of connections do not say which side the pod is. */
export class PodAddresses {
  readonly #addresses = new Set<string>();

  learn({ podSide, sourceAddress, destinationAddress }: EventLine): void {
    if (podSide === PodSide.unknown || this.#addresses.size >= MOST_ADDRESSES) return;
    this.#addresses.add(podSide === PodSide.initiator ? sourceAddress : destinationAddress);
  }

  sideIn({ sourceAddress, destinationAddress }: EndFlowLine): PodSide {
    if (this.#addresses.has(sourceAddress)) return PodSide.initiator;
    return this.#addresses.has(destinationAddress) ? PodSide.responder : PodSide.unknown;
  }
}

/**
 * What an event would say of connections that failed and that no event tells of. `earlier` is one of the same server and
 * code from before the time asked for, if there was any: its cause holds as far as anybody knows.
 */
export function untoldEvent(
  code: EventCode,
  failures: Failures,
  pod: PodAddresses,
  earlier: EventLine | undefined,
): EventLine {
  const { latest, lastUs } = failures;
  const { sourceAddress, sourcePort, destinationAddress, destinationPort, certain, process } = latest;
  const name = NAMES.get(code) as EventName;
  const causeId = earlier?.causeId ?? defaultCauseId(name, defaultValue(name, latest));
  return {
    name,
    code,
    causeId,
    cause: earlier?.cause ?? wordsOf(causeId)?.cause ?? '',
    value: earlier?.value ?? 0,
    timeUs: Number.isFinite(lastUs) ? lastUs : latest.endUs,
    suppressed: 0,
    sourceAddress,
    sourcePort,
    destinationAddress,
    destinationPort,
    podSide: earlier?.podSide ?? pod.sideIn(latest),
    by: earlier === undefined ? sideOf(latest) : earlier.by,
    certain,
    confidence: '',
    interfaceName: '',
    podName: '',
    podNamespace: '',
    process,
    serverName: earlier?.serverName ?? '',
    facts: earlier?.facts ?? {},
    certificateUntilUs: Number.NaN,
    pcap: '',
  };
}

/** The value that fits best what is known of a connection: an alert nobody can read, an answer that was not owed. */
function defaultValue(name: EventName, { answeredSyn, bytesFrom, endedBy }: EndFlowLine): number {
  switch (name) {
    case 'TLS_ALERT':
      return 255;
    case 'TCP_PARTIAL_CONNECTION':
      return answeredSyn ? 1 : 0;
    case 'NO_ANSWER':
      return bytesFrom > 0 ? 2 : endedBy;
    default:
      return 1;
  }
}

/** Who ended the connection, where that is the trouble. */
function sideOf({ endType, endedBy, answeredSyn }: EndFlowLine): Side | null {
  return (endType === EndType.reset && answeredSyn) || endType === EndType.tlsAlert ? endedBy : null;
}
