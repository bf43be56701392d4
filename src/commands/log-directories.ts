import { formatProblem } from '../config/problem.ts';
import { parseProcessSettings } from '../config/process-settings.ts';
import { CommandError } from './outcome.ts';

/** The directories that a command was told to read, or else the one the agent writes into. */
export function logDirectories(operands: readonly string[]): readonly string[] {
  if (operands.length > 0) return operands;
  const { settings, problems } = parseProcessSettings(process.env);
  if (settings === null) throw new CommandError(problems.map(formatProblem).join('\n'));
  return [settings.logDirectory];
}
