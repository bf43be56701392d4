import { spawn } from 'node:child_process';

/** A program to run for `kubectl exec`, or why there is none. */
export type Command =
  | { readonly argv: readonly string[]; readonly options: CommandOptions }
  | { readonly problem: string };

interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** What a client of `exec` is told and tells, whatever carries it. */
export interface CommandStreams {
  stdout(chunk: Buffer): void;
  stderr(chunk: Buffer): void;
  /** The end, as a Status object. */
  status(status: object): void;
}

/** A command that runs: its standard input, and its end before its time. */
export interface RunningCommand {
  write(chunk: Buffer): void;
  end(): void;
  kill(): void;
}

/** Runs a command for a client; the client's end ends it. */
export function runCommand(command: Command, streams: CommandStreams): RunningCommand {
  if ('problem' in command) {
    streams.status({ status: 'Failure', reason: 'InternalError', message: command.problem, code: 500 });
    return { write: () => undefined, end: () => undefined, kill: () => undefined };
  }
  const [file = '', ...rest] = command.argv;
  const child = spawn(file, rest, command.options);
  child.stdout.on('data', (chunk: Buffer) => streams.stdout(chunk));
  child.stderr.on('data', (chunk: Buffer) => streams.stderr(chunk));
  child.on('error', ({ message }) => streams.stderr(Buffer.from(`${message}\n`)));
  child.stdin.on('error', () => undefined); // it does not read what it is sent
  child.on('close', (exitCode) => streams.status(exitStatus(exitCode ?? 137)));
  return {
    write: (chunk) => child.stdin.write(chunk),
    end: () => child.stdin.end(),
    kill: () => child.kill('SIGKILL'),
  };
}

function exitStatus(exitCode: number): object {
  if (exitCode === 0) return { status: 'Success' };
  return {
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}
