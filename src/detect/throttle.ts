/** Whether the `count`th of a kind is told: the 1st, 2nd and 3rd, then every power of ten. */
export function isTold(count: number): boolean {
  if (count <= 3) return true;
  while (count % 10 === 0) count /= 10;
  return count === 1;
}
