/** Memory that can be given back in part. */
export interface Shrinkable {
  readonly memoryBytes: number;
  /** Gives about so many bytes back; answers how many that were, 0 when none can be. */
  shrink(bytes: number): number;
}

/** Gives about so many bytes of two kinds of memory back, in steps from whichever is larger; answers how many that were. */
export function shrinkLarger(one: Shrinkable, other: Shrinkable, bytes: number): number {
  let givenBytes = 0;
  let isMore = true;
  while (isMore && givenBytes < bytes) {
    const wanted = Math.max(1, (bytes - givenBytes) / 2);
    const [first, second] = one.memoryBytes >= other.memoryBytes ? [one, other] : [other, one];
    const given = first.shrink(wanted) || second.shrink(wanted);
    givenBytes += given;
    isMore = given > 0;
  }
  return givenBytes;
}
