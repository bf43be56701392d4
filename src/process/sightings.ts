import type { Side } from '../model/connection.ts';
import type { Endpoints, SeenConnection } from '../model/seen-connection.ts';
import { otherSide, portOf } from './pod-sockets.ts';

/** Sightings that are kept until their packets come; the oldest go first. */
const MAX_SIGHTINGS = 8192;

/** Connections that the kernel told of and whose packets are still to come. Found by both ends, without making text. */
export class Sightings {
  /** By hash; those of equal hash in a row. The oldest comes first. */
  readonly #byHash = new Map<number, SeenConnection[]>();
  #size = 0;

  add(seen: SeenConnection): void {
    const hash = hashOf(seen, seen.side);
    const row = this.#byHash.get(hash);
    if (row === undefined) this.#byHash.set(hash, [seen]);
    else row.push(seen);
    if (++this.#size > MAX_SIGHTINGS) this.#forgetOldest();
  }

  /**
   * The latest sighting of a connection at the pod's end `side`, unless it is from before `sinceUs`, when the same ends
   * had another one. It is taken out, and earlier ones with it.
   */
  take(connection: Endpoints, side: Side, sinceUs: number): SeenConnection | null {
    if (this.#size === 0) return null;
    const hash = hashOf(connection, side);
    const row = this.#byHash.get(hash);
    if (row === undefined) return null;
    const others = row.filter((seen) => seen.side !== side || !areSame(seen, connection));
    if (others.length === row.length) return null;
    this.#size -= row.length - others.length;
    if (others.length === 0) this.#byHash.delete(hash);
    else this.#byHash.set(hash, others);
    return row.findLast((seen) => !others.includes(seen) && seen.timeUs >= sinceUs) ?? null;
  }

  #forgetOldest(): void {
    for (const [hash, row] of this.#byHash) {
      this.#byHash.delete(hash);
      this.#size -= row.length;
      return;
    }
  }
}

function hashOf(ends: Endpoints, side: Side): number {
  const other = otherSide(side);
  let hash = Math.imul(portOf(ends, side) | (portOf(ends, other) << 16), 0x9e3779b1);
  const words = ends.ipVersion === 4 ? 1 : 4;
  for (let word = 0; word < words; word++) {
    hash = Math.imul(hash ^ (hash >>> 15) ^ ends.addressWord(side, word), 0x85ebca77);
    hash = Math.imul(hash ^ (hash >>> 13) ^ ends.addressWord(other, word), 0xc2b2ae3d);
  }
  return (hash ^ (hash >>> 16)) & 0x3fff_ffff;
}

function areSame(a: Endpoints, b: Endpoints): boolean {
  if (a.ipVersion !== b.ipVersion || a.initiatorPort !== b.initiatorPort || a.responderPort !== b.responderPort) {
    return false;
  }
  for (let word = 0; word < 4; word++) {
    if (a.addressWord(0, word) !== b.addressWord(0, word) || a.addressWord(1, word) !== b.addressWord(1, word)) {
      return false;
    }
  }
  return true;
}
