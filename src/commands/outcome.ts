/** Exit statuses of the program. */
export const ExitStatus = { ok: 0, failure: 1, wrongCall: 2 } as const;

export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus];

/** A failure that one line explains. */
export class Failure extends Error {}

/** A call that is not to be understood; the usage helps. */
export class WrongCall extends Error {}

/** What stood on the command line besides the command's name. */
export interface Call {
  readonly operands: readonly string[];
  /** Values of the options that were given, by name; `true` for one without a value. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

/** A command of the program. */
export interface Command {
  /** Names of the options it takes. */
  readonly options: readonly string[];
  /** Throws `Failure` and `WrongCall`. */
  run(call: Call): Promise<ExitStatus>;
}
