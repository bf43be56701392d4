/** What is wrong with a configuration: an error keeps it from being used, a warning does not. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  /** Where it stands: the path of a file, or `environment`. */
  readonly place: string;
  /** Line in that file, from 1; null when it has none. */
  readonly line: number | null;
  /** Empty for a line without one. */
  readonly key: string;
  /** Null when it is not to be shown: the file may be another one than an env file, with secrets in it. */
  readonly value: string | null;
  /** What is wrong and what is allowed, without place, key and value. */
  readonly reason: string;
}

/** The place of a problem that comes from the container's environment. */
export const ENVIRONMENT = 'environment';

const MAX_QUOTED_CHARACTERS = 80;

/** What would steer a terminal, turn the direction of writing, or not be seen at all (Unicode TR 36 §3). */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** `text` in quotes, on one line and cut to a readable length; what cannot be seen is written `\u{…}`. */
function quote(text: string): string {
  const cut = text.length > MAX_QUOTED_CHARACTERS ? `${text.slice(0, MAX_QUOTED_CHARACTERS)}…` : text;
  return JSON.stringify(cut).replace(UNSEEN, (unseen) => `\\u{${(unseen.codePointAt(0) ?? 0).toString(16)}}`);
}

/** One line for people: what cannot be used, where it stands, and what is allowed. */
export function formatProblem(problem: Problem): string {
  const place = problem.line === null ? problem.place : `${problem.place}, line ${problem.line}`;
  const what = subjectOf(problem);
  return problem.severity === 'error'
    ? `Cannot use ${what} (${place}): ${problem.reason}`
    : `${what} (${place}): ${problem.reason}`;
}

function subjectOf({ key, value }: Problem): string {
  if (value === null) return key === '' ? 'a line' : safeKey(key);
  return key === '' ? quote(value) : `${safeKey(key)}=${quote(value)}`;
}

/** A key as it stands, when it looks like one. */
function safeKey(key: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(key) ? key : 'a key';
}
