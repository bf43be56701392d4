/**
 * Memory that all streams together may hold in copies of segments which came too early. A stream asks before it copies
 * and gives back when it has delivered; one that is refused stops waiting for its missing bytes.
 */
export class StreamBudget {
  readonly limitBytes: number;
  /** Bytes held now. */
  usedBytes = 0;
  /** How often a stream was refused. */
  refusals = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  /** True, and the bytes are taken, when they fit. */
  take(bytes: number): boolean {
    if (this.usedBytes + bytes > this.limitBytes) {
      this.refusals++;
      return false;
    }
    this.usedBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.usedBytes -= bytes;
  }
}
