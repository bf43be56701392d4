/** What stays on one line: a command in backticks with the point behind it, or a word. */
const UNBROKEN = /(?:`[^`]*`|[^ ])+/g;

/** Breaks text at its spaces into lines of at most `width` characters; what may not be broken and is longer has a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const [word] of text.matchAll(UNBROKEN)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
