import type { Connection, Side } from '../model/connection.ts';
import { addressText } from '../model/event.ts';
import { RecentTimes } from './recent-times.ts';

const DAY_US = 24 * 3600 * 1_000_000;
const MOST_PEERS = 10_000;
const MOST_TIMES_OF_A_PEER = 100_000;
const MOST_TIMES = 1_000_000;

/** What is known of the resets that came from one address and port. */
export interface ResetCount {
  /** Resets of connections whose SYN was answered (00002) so far, counted afresh after a day. */
  resets: number;
  /** Refused SYNs (00009) so far, likewise. */
  synResets: number;
  /** When counting began. */
  sinceUs: number;
  /** Resets of either kind within the sliding window of 00010. */
  readonly recent: RecentTimes;
  /** The number of recent resets at which 00010 is told; 0 while it is the configured one. */
  abnormalAt: number;
}

/**
 * Counts resets by who sent them. Bounded to 10,000 peers and a million times in their windows: who was quiet longest
 * is forgotten first.
 */
export class ResetCounters {
  /** In order of use, oldest first. */
  readonly #counts = new Map<string, ResetCount>();
  #times = 0;
  #forgotten = 0;

  /** Peers that were forgotten to make room for others. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Counts a reset by one side of a connection in its window of `windowUs`; the kinds are for the caller to count. */
  add(connection: Connection, by: Side, timeUs: number, windowUs: number): ResetCount {
    const port = by === 0 ? connection.initiatorPort : connection.responderPort;
    const key = `${addressText(connection, by)} ${port}`;
    const known = this.#counts.get(key);
    if (known) this.#counts.delete(key);
    const fresh = !known || timeUs - known.sinceUs >= DAY_US;
    const recent = known?.recent ?? new RecentTimes();
    const count = fresh ? { resets: 0, synResets: 0, sinceUs: timeUs, recent, abnormalAt: 0 } : known;
    this.#counts.set(key, count);
    this.#times -= recent.size;
    recent.add(timeUs, windowUs, MOST_TIMES_OF_A_PEER);
    this.#times += recent.size;
    while (this.#counts.size > 1 && (this.#counts.size > MOST_PEERS || this.#times > MOST_TIMES)) this.#forgetOldest();
    return count;
  }

  /** The clock was set by `deltaUs`. */
  shiftTimes(deltaUs: number): void {
    for (const count of this.#counts.values()) {
      count.sinceUs += deltaUs;
      count.recent.shiftTimes(deltaUs);
    }
  }

  #forgetOldest(): void {
    for (const [key, count] of this.#counts) {
      this.#counts.delete(key);
      this.#times -= count.recent.size;
      this.#forgotten++;
      return;
    }
  }
}
