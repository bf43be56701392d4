/** Longer text is cut where it is shown: a line of trouble is to be read, and the file has all of it. */
const MAX_CHARACTERS = 600;

/** What would steer a terminal, turn the direction of writing, or not be seen at all (Unicode TR 36 §3). */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Text of any length, fit to be shown: what cannot be seen is written `\u{…}`. */
export function visibleText(text: string): string {
  return text.replace(UNSEEN, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** A line of JSON that looks like what it says: what cannot be seen stands there as escapes, so that it reads the same. */
export function visibleJson(json: string): string {
  return json.replace(UNSEEN, (character) =>
    Array.from({ length: character.length }, (_, i) => character.charCodeAt(i))
      .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

/** Text that may come from the network, fit to be shown: what cannot be seen is written `\u{…}`, and it is cut. */
export function safeText(text: string): string {
  const cut = text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
  return visibleText(cut);
}
