import { type Connection, PodSide, Side } from '../model/connection.ts';
import { addressText } from '../model/event.ts';

/** Tells by its addresses which end of a connection the pod is, where the capture does not know directions. */
export class PodAddresses {
  readonly #addresses: ReadonlySet<string>;

  /** The pod's addresses in canonical text (RFC 5952 for IPv6). */
  constructor(addresses: readonly string[]) {
    this.#addresses = new Set(addresses.map((address) => address.toLowerCase()));
  }

  sideIn(connection: Connection): PodSide {
    if (this.#addresses.size === 0) return PodSide.unknown;
    if (this.#addresses.has(addressText(connection, Side.initiator))) return PodSide.initiator;
    if (this.#addresses.has(addressText(connection, Side.responder))) return PodSide.responder;
    return PodSide.unknown;
  }
}
