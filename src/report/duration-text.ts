/** `412 µs`, `3.2 ms`, `1.05 s`. */
export function durationText(us: number): string {
  if (us < 1000) return `${us} µs`;
  const [value, unit] = us < 999_500 ? [us / 1000, 'ms'] : [us / 1_000_000, 's'];
  return `${value >= 100 ? value.toFixed(0) : value.toPrecision(3)} ${unit}`;
}
