/** How text is emphasised: with the colours of a terminal, or not at all. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly green: (text: string) => string;
}

const plain = (text: string) => text;
const code = (on: number, off: number) => (text: string) => `\u001b[${on}m${text}\u001b[${off}m`;

export const PLAIN: Style = { bold: plain, dim: plain, red: plain, yellow: plain, green: plain };

/** SGR sequences (ECMA-48 §8.3.117). */
export const COLOURED: Style = {
  bold: code(1, 22),
  dim: code(2, 22),
  red: code(31, 39),
  yellow: code(33, 39),
  green: code(32, 39),
};

/** What is written to, and what its reader wants: colours on a terminal only, and not where NO_COLOR is set (no-color.org). */
export function styleFor(stream: { readonly isTTY?: boolean }, environment: NodeJS.ProcessEnv): Style {
  const unwanted = (environment['NO_COLOR'] ?? '') !== '' || environment['TERM'] === 'dumb';
  return stream.isTTY === true && !unwanted ? COLOURED : PLAIN;
}

const USUAL_WIDTH = 100;
const NARROWEST = 40;
const WIDEST = 140;

/** Columns to write in: the terminal's, or COLUMNS, or 100. */
export function widthFor(stream: { readonly columns?: number }, environment: NodeJS.ProcessEnv): number {
  const columns = stream.columns || Number(environment['COLUMNS']) || USUAL_WIDTH;
  return Math.min(Math.max(columns, NARROWEST), WIDEST);
}
