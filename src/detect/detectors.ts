import type { Side } from '../model/connection.ts';
import type { NetworkEvent } from '../model/event.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { halfOpen } from './half-open.ts';
import { isHttpClientReset, isReset, reset } from './reset.ts';
import { resetAbnormal } from './reset-abnormal.ts';
import { ResetCounters } from './reset-counters.ts';
import { stale } from './stale.ts';
import { isSynReset, synReset } from './syn-reset.ts';
import { synRetransmission } from './syn-retransmission.ts';
import { isTold } from './throttle.ts';

/** What the detectors go by; may be changed while they run. */
export interface DetectorSettings {
  eventThrottle: boolean;
  noEventHttpClientReset: boolean;
  resetAbnormalCount: number;
  resetAbnormalSeconds: number;
  staleSeconds: number;
  stale2Seconds: number;
}

/** Turns what happens to connections into events. Answers with the events that are worth a line, mostly none. */
export class Detectors {
  readonly #settings: DetectorSettings;
  readonly #resets = new ResetCounters();

  constructor(settings: DetectorSettings) {
    this.#settings = settings;
  }

  synRepeated(connection: TrackedConnection, timeUs: number): NetworkEvent | null {
    return synRetransmission(connection, timeUs);
  }

  halfOpen(connection: TrackedConnection, timeUs: number): NetworkEvent | null {
    return halfOpen(connection, timeUs);
  }

  stale(connection: TrackedConnection, timeUs: number): NetworkEvent | null {
    return stale(connection, timeUs, this.#settings.staleSeconds, false);
  }

  stale2(connection: TrackedConnection, timeUs: number): NetworkEvent | null {
    return stale(connection, timeUs, this.#settings.stale2Seconds, true);
  }

  /** A RST ends a connection: 00002 or 00009, and 00010 when there are too many. */
  reset(connection: TrackedConnection, by: Side, timeUs: number): NetworkEvent[] {
    const { resetAbnormalCount, resetAbnormalSeconds } = this.#settings;
    const events: NetworkEvent[] = [];
    const count = this.#resets.add(connection, by, timeUs, resetAbnormalSeconds * 1_000_000);
    if (isSynReset(connection, by)) {
      count.synResets++;
      if (this.#isTold(count.synResets)) events.push(synReset(connection, count.synResets, timeUs));
    } else if (isReset(connection)) {
      count.resets++;
      const usual = this.#settings.noEventHttpClientReset && isHttpClientReset(connection, by);
      if (!usual && this.#isTold(count.resets)) events.push(reset(connection, by, count.resets, timeUs));
    }
    const abnormal = resetAbnormal(connection, by, count, resetAbnormalCount, resetAbnormalSeconds, timeUs);
    if (abnormal) events.push(abnormal);
    return events;
  }

  #isTold(count: number): boolean {
    return !this.#settings.eventThrottle || isTold(count);
  }
}
