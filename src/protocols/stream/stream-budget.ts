/**
 * Memory that all streams or readers together may hold, e.g. in copies of segments which came too early. Who needs some
 * asks before it copies and gives back when it has delivered; who is refused stops waiting for its missing bytes.
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
