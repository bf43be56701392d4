import { parse as parseDotenv } from 'dotenv';
import { nearestWord } from './edit-distance.ts';
import { ENVIRONMENT, type Problem } from './problem.ts';
import { PROCESS_KEYS } from './process-settings.ts';
import { DEFAULT_SETTINGS, SETTING_NAMES, SETTINGS, type Settings } from './settings.ts';

/** The container's environment, as `process.env` has it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Says what is wrong with a capture filter, null when it can be used. */
export type FilterCheck = (expression: string) => string | null;

/** What came out of an env file: no settings when at least one problem is an error. */
export interface EnvFileResult {
  readonly settings: Settings | null;
  readonly problems: readonly Problem[];
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

interface Source {
  readonly value: string;
  readonly place: string;
  readonly line: number | null;
}

const KEYS = SETTING_NAMES.map((name) => SETTINGS[name].key);
/** A file that holds anything but settings would have a warning on every line: no more of them are told one by one. */
const MOST_WARNINGS = 20;

/**
 * Reads an env file's text (dotenv syntax). A key that is missing, or empty where empty means nothing, is taken from
 * `environment`, then from the default. Nothing is thrown: whatever cannot be used is a problem.
 */
export function parseEnvFile(
  text: string,
  filePath: string,
  environment: Environment,
  validateFilter?: FilterCheck,
): EnvFileResult {
  const values = parseDotenv(text.replace(/^\uFEFF/, ''));
  const { lines, problems } = locateKeys(text, filePath, values);
  const settings: Mutable<Settings> = { ...DEFAULT_SETTINGS };
  const sources = new Map<keyof Settings, Source>();

  const unknown = Object.keys(values).filter((key) => !KEYS.includes(key));
  const untold = problems.length + unknown.length - MOST_WARNINGS;
  for (const key of unknown.slice(0, Math.max(0, MOST_WARNINGS - problems.length))) {
    problems.push(unknownKey(key, filePath, lines.get(key) ?? null));
  }
  if (untold > 0) {
    const reason = `${untold} more lines and keys are of no use; is it the right file?`;
    problems.splice(MOST_WARNINGS, Infinity, {
      severity: 'warning',
      place: filePath,
      line: null,
      key: '',
      value: '…',
      reason,
    });
  }
  for (const name of SETTING_NAMES) {
    const { key, type } = SETTINGS[name];
    const candidates: Source[] = [];
    if (Object.hasOwn(values, key)) {
      candidates.push({ value: values[key], place: filePath, line: lines.get(key) ?? null });
    }
    const fromEnvironment = environment[key];
    if (fromEnvironment !== undefined) candidates.push({ value: fromEnvironment, place: ENVIRONMENT, line: null });
    const source = candidates.find(({ value }) => value !== '' || type.emptyIsValue);
    if (source === undefined) continue;
    sources.set(name, source);
    const problem = applyValue(settings, name, source);
    if (problem !== null) problems.push(problem);
  }

  const check = (name: keyof Settings, severity: Problem['severity'], reason: string | null) => {
    const { value, place, line } = sources.get(name) ?? { value: '', place: filePath, line: null };
    if (reason !== null) problems.push({ severity, place, line, key: SETTINGS[name].key, value, reason });
  };
  check('avoidLivenessProbe', 'error', sameHeader(settings));
  if (sources.has('pcapFilter')) check('pcapFilter', 'error', filterProblem(settings.pcapFilter, validateFilter));
  if (sources.has('stale2Seconds')) check('stale2Seconds', 'warning', staleOrder(settings));

  const usable = problems.every(({ severity }) => severity !== 'error');
  return { settings: usable ? settings : null, problems };
}

/** Puts one value into `settings`; says what is wrong with it instead when it cannot be used. */
function applyValue<Name extends keyof Settings>(
  settings: Mutable<Settings>,
  name: Name,
  { value, place, line }: Source,
): Problem | null {
  const { key, type, default: standard, fixed } = SETTINGS[name];
  if (fixed) {
    if (value === standard) return null;
    const reason = `it is not to be changed, ${type.format(standard)} stands`;
    return { severity: 'warning', place, line, key, value, reason };
  }
  const parsed = type.parse(value);
  if (parsed === undefined) {
    return { severity: 'error', place, line, key, value, reason: `allowed is ${type.allowed}` };
  }
  settings[name] = parsed;
  return null;
}

function sameHeader({ searchHttpHeader, avoidLivenessProbe }: Settings): string | null {
  if (avoidLivenessProbe === '') return null;
  if (avoidLivenessProbe.toLowerCase() !== searchHttpHeader.toLowerCase()) return null;
  return 'allowed is a text other than that of SEARCH_HTTP_HEADER, which would never be reported';
}

function filterProblem(expression: string, validateFilter: FilterCheck | undefined): string | null {
  const reason = validateFilter?.(expression) ?? null;
  return reason === null ? null : `allowed is a filter in pcap-filter(7) syntax: ${reason}`;
}

function staleOrder({ staleSeconds, stale2Seconds }: Settings): string | null {
  if (stale2Seconds > staleSeconds) return null;
  return `it is used, but it is not more than STALE_SECONDS=${staleSeconds}: 00007 and 00008 cannot be told apart`;
}

/** Without its value: who may write env files can make one of them lead to any file of the node. */
function unknownKey(key: string, place: string, line: number | null): Problem {
  const nearest = nearestWord(key, KEYS);
  const reason = PROCESS_KEYS.includes(key)
    ? 'it is read from the environment of the container, not from this file'
    : nearest === null
      ? 'there is no such key'
      : `there is no such key; ${nearest} is the nearest`;
  return { severity: 'warning', place, line, key, value: null, reason };
}

const ASSIGNMENT = /^\s*(?:export\s+)?([\w.-]+)\s*(?:=|:\s)\s*(.*)$/;

/**
 * Finds the lines on which keys stand, which dotenv does not tell: the last of several, as there. Lines that are
 * neither an assignment nor a comment, and keys that stand twice, are warnings.
 */
function locateKeys(text: string, place: string, values: Readonly<Record<string, string>>) {
  const lines = new Map<string, number>();
  const problems: Problem[] = [];
  const rows = text.replace(/^\uFEFF/, '').split(/\r\n?|\n/);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    const line = i + 1;
    if (/^\s*(#|$)/.test(row)) continue;
    const [, key, rest] = ASSIGNMENT.exec(row) ?? [];
    if (key === undefined || !Object.hasOwn(values, key)) {
      const reason = 'it is not of the form KEY=value';
      problems.push({ severity: 'warning', place, line, key: '', value: null, reason });
      continue;
    }
    const earlier = lines.get(key);
    if (earlier !== undefined) {
      const reason = `the key stands again on line ${line}, which is the one that counts`;
      problems.push({ severity: 'warning', place, line: earlier, key, value: '', reason });
    }
    lines.set(key, line);
    i = lastRowOfValue(rows, i, rest);
  }
  return { lines, problems };
}

/** Row on which a quoted value ends that began on row `first`; `first` itself when it is not quoted or never closed. */
function lastRowOfValue(rows: readonly string[], first: number, rest: string): number {
  const quoteMark = rest[0];
  if (quoteMark !== '"' && quoteMark !== "'" && quoteMark !== '`') return first;
  if (rest.indexOf(quoteMark, 1) >= 0) return first;
  for (let i = first + 1; i < rows.length; i++) if (rows[i].includes(quoteMark)) return i;
  return first;
}
