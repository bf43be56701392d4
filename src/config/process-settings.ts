import { isAbsolute } from 'node:path';
import { MEBIBYTE } from '../model/mebibyte.ts';
import { LEAST_MEMORY_MB, memoryMbWithin } from './memory-plan.ts';
import { addresses, integer, text, type ValueType, yesOrNo } from './parsers.ts';
import { ENVIRONMENT, type Problem } from './problem.ts';

/** What holds for the whole process, from the container's environment. */
export interface ProcessSettings {
  /** Directory with the env files. */
  readonly configDirectory: string;
  /** Directory that holds the sessions' directories. */
  readonly logDirectory: string;
  /** TCP port of the health check; 0 is off. */
  readonly healthPort: number;
  /** Addresses it answers on: loopback, where the agent runs inside the pod the pod's, and HEALTH_ADDRESS. */
  readonly healthAddresses: readonly string[];
  /** The live page is served on the same port. */
  readonly isPageServed: boolean;
  /** What somebody has to know who asks for the page; empty: the agent makes one; `none`: nothing on loopback. */
  readonly pageToken: string;
  /** What may be resident of the agent, its rings included, in MiB. */
  readonly memoryMb: number;
}

/** The keys of the process-wide settings. */
export const PROCESS_KEYS: readonly string[] = [
  'DLLT_CONFIG_DIR',
  'LOG_DIR',
  'HEALTH_PORT',
  'HEALTH_ADDRESS',
  'UI',
  'UI_TOKEN',
  'MEMORY_MB',
];

const absolutePath: ValueType<string> = {
  allowed: 'an absolute path',
  emptyIsValue: false,
  parse: (text) => (isAbsolute(text) && !text.includes('\0') ? text.replace(/(?<=.)\/+$/, '') : undefined),
  format: (value) => value,
};

const MOST_MEMORY_MB = 1_048_576;

/**
 * Reads the process-wide settings; null, with the reasons, when one cannot be used. Empty counts as missing.
 * `containerBytes` is how much memory the container may have, null when there is no limit.
 */
export function parseProcessSettings(
  environment: Readonly<Record<string, string | undefined>>,
  containerBytes: number | null = null,
): {
  readonly settings: ProcessSettings | null;
  readonly problems: readonly Problem[];
} {
  const problems: Problem[] = [];
  const read = <T>(key: string, type: ValueType<T>, defaultValue: T): T => {
    const value = environment[key] ?? '';
    if (value === '') return defaultValue;
    const parsed = type.parse(value);
    if (parsed !== undefined) return parsed;
    const reason = `allowed is ${type.allowed}`;
    problems.push({ severity: 'error', place: ENVIRONMENT, line: null, key, value, reason });
    return defaultValue;
  };
  const settings = {
    configDirectory: read('DLLT_CONFIG_DIR', absolutePath, '/etc/dllt'),
    logDirectory: read('LOG_DIR', absolutePath, '/dllt/logs'),
    healthPort: read('HEALTH_PORT', integer(0, 65_535), 0),
    healthAddresses: ['127.0.0.1', ...read('POD_IP', addresses, []), ...read('HEALTH_ADDRESS', addresses, [])],
    isPageServed: read('UI', yesOrNo, false),
    pageToken: read('UI_TOKEN', text, ''),
    memoryMb: read('MEMORY_MB', integer(LEAST_MEMORY_MB, MOST_MEMORY_MB), memoryMbWithin(containerBytes)),
  };
  if (problems.length > 0) return { settings: null, problems };
  const { memoryMb } = settings;
  if (containerBytes !== null && memoryMb * MEBIBYTE > containerBytes) {
    problems.push(moreThanContainer(memoryMb, Math.floor(containerBytes / MEBIBYTE)));
  }
  return { settings, problems };
}

function moreThanContainer(memoryMb: number, containerMb: number): Problem {
  const reason = `the container may use ${containerMb} MiB: beyond that the kernel kills the agent; raise the limit of its memory, or set MEMORY_MB to nine tenths of it`;
  return { severity: 'warning', place: ENVIRONMENT, line: null, key: 'MEMORY_MB', value: String(memoryMb), reason };
}
