import { PodSide } from '../model/connection.ts';
import type { ConnectionSummary } from '../model/event.ts';
import { Allowances } from './allowances.ts';
import { type Allowance, TokenBucket } from './token-bucket.ts';

/**
 * Shares out something that there is too little of in a flood: each far peer and each service (address and port of the
 * responder) may have so much, and all together so much more. Whoever has no part in the flood still gets its own.
 */
export class FairShare {
  readonly #peers: Allowances;
  readonly #services: Allowances;
  readonly #all: TokenBucket;

  constructor(forOne: Allowance, forAll: Allowance) {
    this.#peers = new Allowances(forOne);
    this.#services = new Allowances(forOne);
    this.#all = new TokenBucket(forAll);
  }

  /** Takes one for a connection at `timeUs`; false when its peer, its service, or all together have had enough. */
  take(connection: ConnectionSummary, timeUs: number): boolean {
    const service = `${connection.destinationAddress} ${connection.destinationPort}`;
    const peer = farAddress(connection);
    if (!this.#services.has(service, timeUs) || !this.#peers.has(peer, timeUs)) return false;
    if (!this.takeOfAll(timeUs)) return false;
    this.#services.take(service, timeUs);
    this.#peers.take(peer, timeUs);
    return true;
  }

  /** The clock was set by `deltaUs`. */
  shiftTimes(deltaUs: number): void {
    for (const each of [this.#peers, this.#services, this.#all]) each.shiftTimes(deltaUs);
  }

  /** Takes one whoever it is for; false when all together have had enough. */
  takeOfAll(timeUs: number): boolean {
    return this.#all.tryTake(timeUs);
  }
}

/** The end that is not the pod; who began the connection where nobody knows. */
function farAddress({ podSide, sourceAddress, destinationAddress }: ConnectionSummary): string {
  return podSide === PodSide.initiator ? destinationAddress : sourceAddress;
}
