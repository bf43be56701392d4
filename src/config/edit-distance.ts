/**
 * How many single characters must be inserted, deleted, replaced or swapped with their neighbour to make `a` into `b`
 * (optimal string alignment).
 */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, previous[j] + 1, row[j - 1] + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j], beforePrevious[j - 2] + 1);
      }
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length];
}

/** The word that `text` was most likely meant to be; null when none is near. */
export function nearestWord(text: string, words: readonly string[]): string | null {
  let nearest: string | null = null;
  const upper = text.toUpperCase();
  let nearestDistance = Math.max(2, Math.floor(upper.length / 3)) + 1;
  for (const word of words) {
    if (Math.abs(upper.length - word.length) >= nearestDistance) continue; // however alike, it is no nearer
    const distance = editDistance(upper, word);
    if (distance < nearestDistance) {
      nearest = word;
      nearestDistance = distance;
    }
  }
  return nearest;
}
