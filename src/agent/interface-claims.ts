/** Which env file monitors which interface: each interface belongs to one file at a time. */
export class InterfaceClaims {
  readonly #owners = new Map<number, string>();
  readonly #onFreed: () => void;

  /** `onFreed` is called when an interface belongs to nobody any more. */
  constructor(onFreed: () => void) {
    this.#onFreed = onFreed;
  }

  /** Gives an interface to an env file; null when it has it now, else the file that has it. */
  take(interfaceIndex: number, path: string): string | null {
    const owner = this.#owners.get(interfaceIndex);
    if (owner !== undefined) return owner;
    this.#owners.set(interfaceIndex, path);
    return null;
  }

  /** Gives back an interface that was taken. */
  release(interfaceIndex: number): void {
    this.#owners.delete(interfaceIndex);
    this.#onFreed();
  }
}
