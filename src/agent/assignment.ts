import { filterProblem } from '../capture/filter.ts';
import type { EnvFile } from '../config/env-files.ts';
import { parseEnvFile } from '../config/parse-env-file.ts';
import { formatProblem } from '../config/problem.ts';
import type { Settings } from '../config/settings.ts';
import { isKnown } from './capture-place-resolver.ts';

/** Something people should know of an env file, in one line. */
export interface Complaint {
  readonly level: 'error' | 'warn';
  readonly line: string;
}

/** What an env file asks for: settings, or none when it cannot be used; then at least one complaint is an error. */
export interface Assignment {
  readonly settings: Settings | null;
  readonly complaints: readonly Complaint[];
}

/** Reads an env file; what it does not say comes from the environment. */
export function assignmentOf(file: EnvFile): Assignment {
  if (file.kind === 'unreadable') return { settings: null, complaints: [{ level: 'error', line: file.reason }] };
  const { settings, problems } = parseEnvFile(file.text, file.path, process.env, filterProblem);
  const complaints = problems.map((problem) => ({
    level: problem.severity === 'error' ? ('error' as const) : ('warn' as const),
    line: formatProblem(problem),
  }));
  const lacking = settings === null ? null : whatIsLacking(settings);
  if (lacking === null) return { settings, complaints };
  return {
    settings: null,
    complaints: [...complaints, { level: 'error', line: `Cannot use ${file.path}: ${lacking}` }],
  };
}

function whatIsLacking(settings: Settings): string | null {
  const { interfaceIndex, podAddresses, podInterface } = settings;
  if (interfaceIndex === null) {
    return 'INTERFACE_INDEX_SNIF has to be the index of an interface (ip link shows it), or auto';
  }
  if (interfaceIndex !== 'auto' || isKnown(settings) || podAddresses.length > 0 || podInterface !== '') return null;
  return 'INTERFACE_INDEX_SNIF=auto needs POD_UID, or POD_NAME and POD_NAMESPACE; in the pod itself POD_IP or POD_INTERFACE';
}
