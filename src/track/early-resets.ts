import type { Packet } from '../model/packet.ts';
import { TCP_ACK } from '../model/tcp-bits.ts';

const PLACES = 64;
/** A RST that was captured before the SYN it answers is no older. */
const LATEST_US = 1_000_000;

/** The last RSTs without a connection: one may have been captured before the SYN that it answers. Bounded to 64. */
export class EarlyResets {
  readonly #hashes = new Int32Array(PLACES);
  readonly #acknowledgments = new Int32Array(PLACES);
  readonly #times = new Float64Array(PLACES).fill(Number.NEGATIVE_INFINITY);
  #next = 0;

  /** Remembers a RST without a connection. */
  add(packet: Packet): void {
    if ((packet.flags & TCP_ACK) === 0) return;
    const place = this.#next++ % PLACES;
    this.#hashes[place] = packet.endpointHash;
    this.#acknowledgments[place] = packet.acknowledgment;
    this.#times[place] = packet.timeUs;
  }

  /** Whether a SYN was answered by one of them. */
  hasAnswered(syn: Packet): boolean {
    const acknowledgment = (syn.sequence + 1 + syn.payloadLengthBytes) | 0;
    for (let place = 0; place < PLACES; place++) {
      if (this.#hashes[place] !== syn.endpointHash || this.#acknowledgments[place] !== acknowledgment) continue;
      if (Math.abs(syn.timeUs - this.#times[place]) <= LATEST_US) return true;
    }
    return false;
  }
}
