/** Writes one line for people: standard output, or standard error for what went wrong. */
export interface Console {
  out(line: string): void;
  error(line: string): void;
}
