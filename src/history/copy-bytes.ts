/** Below this, a loop costs less than the call of `set`; measured, see `bench/history.ts`. */
const LOOP_BYTES = 96;

/**
 * Copies `length` bytes between two arrays. Short pieces go through a loop over words; longer ones through `set`,
 * whose temporary view dies young and costs less than the loop it replaces.
 */
export function copyBytes(
  target: Uint8Array,
  targetView: DataView,
  targetStart: number,
  source: Uint8Array,
  sourceView: DataView,
  sourceStart: number,
  length: number,
): void {
  if (length > LOOP_BYTES) {
    target.set(source.subarray(sourceStart, sourceStart + length), targetStart);
    return;
  }
  let done = 0;
  for (; done + 4 <= length; done += 4) {
    targetView.setInt32(targetStart + done, sourceView.getInt32(sourceStart + done, true), true);
  }
  for (; done < length; done++) target[targetStart + done] = source[sourceStart + done];
}
