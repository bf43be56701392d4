import { formatProblem } from '../config/problem.ts';
import { parseProcessSettings } from '../config/process-settings.ts';
import { CommandError, defineCommand, ExitStatus, UsageError } from './outcome.ts';
import { readToken, tokenOf } from './page-token.ts';
import { endWithReader, writeOut } from './standard-output.ts';

/** `dlltagent token`: what the live page of the agent that runs here asks for. */
export const tokenCommand = defineCommand({
  options: {},
  async run({ operands }) {
    if (operands.length > 0) throw new UsageError('token takes no further words');
    const { settings, problems } = parseProcessSettings(process.env);
    if (settings === null) throw new CommandError(problems.map(formatProblem).join('\n'));
    const { pageToken, logDirectory } = settings;
    const token = tokenOf(pageToken);
    if (token === null) throw new CommandError('The live page asks for no token: UI_TOKEN=none is set');
    endWithReader();
    await writeOut(`${token ?? (await keptToken(logDirectory))}\n`);
    return ExitStatus.ok;
  },
});

async function keptToken(logDirectory: string): Promise<string> {
  try {
    return await readToken(logDirectory);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EACCES')
      throw new CommandError(`Cannot read the token in ${logDirectory}: only the agent's own user may`);
    if (code !== 'ENOENT') throw new CommandError(`Cannot read the token in ${logDirectory}: ${message}`);
    throw new CommandError(
      `Cannot read the token in ${logDirectory}: there is none; does an agent run with UI=Y and HEALTH_PORT, and with this LOG_DIR?`,
    );
  }
}
