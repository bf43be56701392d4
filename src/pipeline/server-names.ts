import type { TrackedConnection } from '../track/tracked-connection.ts';

/** Names of one generation; two are kept. */
const NAMES_A_GENERATION = 5_000;

interface Entry {
  /** Slots are used again, serials are not. */
  readonly serial: number;
  readonly name: string;
}

/** By slot. */
type Names = Map<number, Entry>;

/**
 * The names (SNI) that clients asked for in TLS handshakes, of the latest 5,000 to 10,000 connections that had one. Names
 * are forgotten a generation at a time: taking the oldest out of a map one by one makes finding the next oldest ever
 * slower, as a map steps over all that was taken out of its beginning.
 */
export class ServerNames {
  #newer: Names = new Map();
  #older: Names = new Map();

  note({ slot, serial }: TrackedConnection, name: string): void {
    if (name === '') return;
    this.#newer.set(slot, { serial, name });
    if (this.#newer.size < NAMES_A_GENERATION) return;
    this.#older = this.#newer;
    this.#newer = new Map();
  }

  /** The name of a connection; empty when it had none, or it was forgotten. */
  of({ slot, serial }: TrackedConnection): string {
    const entry = this.#newer.get(slot) ?? this.#older.get(slot);
    return entry?.serial === serial ? entry.name : '';
  }
}
