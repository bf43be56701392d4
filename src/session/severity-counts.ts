import { wordsOf } from '../diagnosis/causes.ts';
import { SEVERITIES, type Severity, severityOf } from '../diagnosis/severity.ts';
import type { CauseId } from '../model/cause-id.ts';
import { PodSide, Side } from '../model/connection.ts';
import type { NetworkEvent } from '../model/event.ts';
import { EventCode, type EventName } from '../model/event-code.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';

/** Counts what happens by how bad it is, whether an event tells it or not. */
export class SeverityCounts {
  readonly #counts = Object.fromEntries(SEVERITIES.map((severity) => [severity, 0])) as Record<Severity, number>;

  /** How much of each severity there was. */
  get counts(): Readonly<Record<Severity, number>> {
    return this.#counts;
  }

  /** Something happened to a connection. */
  occurred(name: EventName, causeId: CauseId, connection: TrackedConnection): void {
    if (wordsOf(causeId) === null || name === 'TCP_RESET_ABNORMAL') return; // the latter counts resets once more
    const { podSide, certain, isResetByInitiator } = connection;
    const by = name === 'TCP_RESET' && isResetByInitiator ? Side.initiator : null;
    this.#counts[severityOf({ code: EventCode[name], causeId, by, podSide, certain })]++;
  }

  /** Something happened to a DNS question, which the event speaks of. */
  queryOccurred({ name, causeId, connection, confidence }: NetworkEvent): void {
    const podSide = connection?.podSide ?? PodSide.unknown;
    const certain = confidence === undefined;
    this.#counts[severityOf({ code: EventCode[name], causeId, by: null, podSide, certain })]++;
  }

  /** An event is told; only one that is not about a connection is counted here. */
  event({ name, causeId, connection }: NetworkEvent): void {
    if (connection !== null) return;
    const podSide = PodSide.unknown;
    this.#counts[severityOf({ code: EventCode[name], causeId, by: null, podSide, certain: true })]++;
  }
}
