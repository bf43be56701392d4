/** Exit statuses of the program. */
export const ExitStatus = { ok: 0, failure: 1, wrongCall: 2 } as const;

export type ExitStatus = (typeof ExitStatus)[keyof typeof ExitStatus];

/** A command failed, for a reason that one line explains. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code = 'command-failed';
}

/** The command line is wrong: the usage is printed beside the message. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'wrong-usage';
}

/** Options that a command takes, by name: with a text, or alone. */
export type OptionTypes = Readonly<Record<string, { readonly type: 'string' | 'boolean' }>>;

type ValueOf<Type extends 'string' | 'boolean'> = Type extends 'string' ? string : boolean;

/** What stood on the command line besides the command's name. */
export interface Call<Options extends OptionTypes> {
  readonly operands: readonly string[];
  /** Values of the options that were given. */
  readonly options: {
    readonly [Name in keyof Options]?: ValueOf<Options[Name]['type']> | undefined;
  };
}

/** A command of the program. */
export interface Command<Options extends OptionTypes = OptionTypes> {
  readonly options: Options;
  /** Throws `CommandError` and `UsageError`. */
  run(call: Call<Options>): Promise<ExitStatus>;
}

/** A command whose `run` is given the types of its own options. */
export function defineCommand<const Options extends OptionTypes>(command: Command<Options>): Command<Options> {
  return command;
}
