import { Side } from '../model/connection.ts';
import { Phase } from '../track/phase.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import type { Tracker } from '../track/tracker.ts';

/** Open connections looked at in one go. */
const OPEN_AT_ONCE = 20_000;
/** A few connections in many may look like that for another reason: they fell silent just as the capture began. */
const LEAST_SHARE = 1 / 5;
/** Filters that let packets of one direction through only, or may: then nothing can be said. */
const DIRECTIONAL_FILTER = /\b(src|dst|inbound|outbound)\b|\[/;

/**
 * Notices when a capture sees one direction only, because packets of the other pass by the interface (a redirect into
 * the pod's network namespace, netkit). The sign is a side that is acknowledged but was never seen: without loss, that
 * has no other cause.
 */
export class OneSided {
  #slot = 0;
  #unseen = 0;
  #whole = 0;
  #looksInARow = 0;

  /** False for a capture filter by which one direction may be missing on purpose. */
  static isTellable(filter: string): boolean {
    return !DIRECTIONAL_FILTER.test(filter);
  }

  /** Looks at a part of the open connections; true when it is certain. To be called now and then. */
  look(tracker: Tracker): boolean {
    this.#slot = tracker.visitOpen((connection) => this.#count(connection), this.#slot, OPEN_AT_ONCE);
    if (this.#slot >= 0) return false;
    const isOneSided = this.#unseen > 0 && this.#unseen >= LEAST_SHARE * (this.#unseen + this.#whole);
    this.#looksInARow = isOneSided ? this.#looksInARow + 1 : 0;
    this.#slot = 0;
    this.#unseen = 0;
    this.#whole = 0;
    return this.#looksInARow > 1;
  }

  #count(connection: TrackedConnection): void {
    if (connection.phase !== Phase.established) return;
    if (!connection.oneWay) this.#whole++;
    else if (isOtherSideAlive(connection)) this.#unseen++;
  }
}

/** Whether the side that was seen acknowledges what the other sent. */
function isOtherSideAlive(connection: TrackedConnection): boolean {
  if (!connection.midstream) return true; // the SYN was answered
  return (connection.seen(Side.initiator) ? connection.responderBytes : connection.initiatorBytes) > 0;
}
