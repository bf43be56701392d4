import { type Diagnosis, diagnose } from '../report/read-session.ts';
import { formatReport } from '../report/report-text.ts';
import { findSessions } from '../report/session-files.ts';
import { styleFor, widthFor } from '../report/style.ts';
import { logDirectories } from './log-directories.ts';
import { CommandError, defineCommand, ExitStatus, UsageError } from './outcome.ts';
import { endWithReader, writeOut } from './standard-output.ts';

/** `dlltagent report [DIR…]`: what the agent's files tell, in plain words. */
export const reportCommand = defineCommand({
  options: { since: { type: 'string' }, json: { type: 'boolean' } },
  async run({ operands, options }) {
    const lastUs = options.since === undefined ? Number.POSITIVE_INFINITY : durationUs(options.since);
    const directories = logDirectories(operands);
    const sessions = await findSessions(directories);
    if (sessions.length === 0) {
      throw new CommandError(
        `Cannot report: there are no files of the agent in ${directories.join(', ')}; name the directory with its files, or set LOG_DIR`,
      );
    }
    endWithReader();
    const diagnoses: Diagnosis[] = [];
    const nowUs = Date.now() * 1000;
    for (const session of sessions) diagnoses.push(await diagnose(session, { sinceUs: nowUs - lastUs, nowUs }));
    const { stdout, env } = process;
    const text = options.json
      ? JSON.stringify({ sessions: diagnoses }, null, 2)
      : formatReport(diagnoses, {
          width: widthFor(stdout, env),
          style: styleFor(stdout, env),
          directory: process.cwd(),
        });
    await writeOut(`${text}\n`);
    return ExitStatus.ok;
  },
});

const UNITS_US: Readonly<Record<string, number>> = { s: 1e6, m: 60e6, h: 3600e6, d: 86_400e6 };

/** Microseconds of `90s`, `10m`, `2h` or `1d`. */
function durationUs(text: string): number {
  const [, number, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (number === undefined || unit === undefined) {
    throw new UsageError(`--since takes a time such as 90s, 10m, 2h or 1d, not ${text}`);
  }
  return Number(number) * UNITS_US[unit];
}
