import { type Connection, Side } from '../model/connection.ts';

/** A power of two; servers beyond that take each other's places. */
const PLACES = 4096;

/** When servers (address and port of a responder) last completed a handshake: whether a server is there at all. */
export class KnownServers {
  readonly #hashes = new Int32Array(PLACES);
  readonly #times = new Float64Array(PLACES);

  /** A handshake with a server was completed. */
  note(connection: Connection, timeUs: number): void {
    const hash = hashOf(connection);
    const place = hash & (PLACES - 1);
    this.#hashes[place] = hash;
    this.#times[place] = timeUs;
  }

  /** How long ago, at `timeUs`, the server of a connection last completed a handshake, in µs; infinity when not known. */
  answeredAgoUs(connection: Connection, timeUs: number): number {
    const hash = hashOf(connection);
    const place = hash & (PLACES - 1);
    const answeredUs = this.#hashes[place] === hash ? this.#times[place] : 0;
    return answeredUs === 0 ? Number.POSITIVE_INFINITY : Math.abs(timeUs - answeredUs);
  }
}

function hashOf(connection: Connection): number {
  let hash = Math.imul(connection.responderPort ^ 0x5bd1e995, 0x9e3779b1);
  const words = connection.ipVersion === 4 ? 1 : 4;
  for (let i = 0; i < words; i++) {
    hash = Math.imul(hash ^ connection.addressWord(Side.responder, i), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash | 0;
}
