import type { Connection } from '../model/connection.ts';
import { serverHash } from './server-hash.ts';

/** A power of two; servers beyond that take each other's places. */
const PLACES = 4096;

/** When servers (address and port of a responder) last completed a handshake: whether a server is there at all. */
export class KnownServers {
  readonly #hashes = new Int32Array(PLACES);
  readonly #times = new Float64Array(PLACES);

  /** A handshake with a server was completed. */
  note(connection: Connection, timeUs: number): void {
    const hash = serverHash(connection);
    const place = hash & (PLACES - 1);
    this.#hashes[place] = hash;
    this.#times[place] = timeUs;
  }

  /** How long ago, at `timeUs`, the server of a connection last completed a handshake, in µs; infinity when not known. */
  answeredAgoUs(connection: Connection, timeUs: number): number {
    const hash = serverHash(connection);
    const place = hash & (PLACES - 1);
    const answeredUs = this.#hashes[place] === hash ? this.#times[place] : 0;
    return answeredUs === 0 ? Number.POSITIVE_INFINITY : Math.abs(timeUs - answeredUs);
  }
}
