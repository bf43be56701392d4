import type { TrackedConnection } from '../track/tracked-connection.ts';

const MOST_NAMES = 10_000;

interface Entry {
  /** Slots are used again, serials are not. */
  readonly serial: number;
  readonly name: string;
}

/** The names (SNI) that clients asked for in TLS handshakes, of the latest 10,000 connections that had one. */
export class ServerNames {
  /** By slot, the oldest first. */
  readonly #entries = new Map<number, Entry>();

  note({ slot, serial }: TrackedConnection, name: string): void {
    if (name === '') return;
    this.#entries.delete(slot);
    this.#entries.set(slot, { serial, name });
    if (this.#entries.size <= MOST_NAMES) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  /** The name of a connection; empty when it had none, or it was forgotten. */
  of({ slot, serial }: TrackedConnection): string {
    const entry = this.#entries.get(slot);
    return entry?.serial === serial ? entry.name : '';
  }
}
