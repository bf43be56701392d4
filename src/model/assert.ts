/** Set by the bundler for the program that is shipped (package.json); not there elsewhere. */
declare const DLLT_ASSERTIONS: boolean | undefined;

/**
 * Whether assertions are checked: in tests, fuzzing and soaking. In the bundle it is false, and whatever stands behind
 * `if (ASSERTING)` is left out.
 */
export const ASSERTING: boolean = typeof DLLT_ASSERTIONS === 'undefined' || DLLT_ASSERTIONS;

/** The program is wrong: what it takes for granted does not hold. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
  readonly code = 'assertion-failed';
}

/** Throws `AssertionError` unless a condition holds. To be called behind `if (ASSERTING)`. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}
