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
    return this.sideAmong(addressText(connection, Side.initiator), addressText(connection, Side.responder));
  }

  /** The same of the addresses of an initiator and a responder. */
  sideAmong(initiator: string, responder: string): PodSide {
    if (this.#addresses.has(initiator)) return PodSide.initiator;
    return this.#addresses.has(responder) ? PodSide.responder : PodSide.unknown;
  }
}
