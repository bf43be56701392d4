/** Longer text is cut where it is shown: a line of trouble is to be read, and the file has all of it. */
const MAX_CHARACTERS = 600;

/** What would steer a terminal, turn the direction of writing, or not be seen at all (Unicode TR 36 §3). */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Text that may come from the network, fit to be shown: what cannot be seen is written `\u{…}`, and it is cut. */
export function safeText(text: string): string {
  const cut = text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
  return cut.replace(UNSEEN, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

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
