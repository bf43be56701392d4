import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** A session's directory and the files in it that are read, by name: the oldest first. */
export interface SessionFiles {
  readonly directory: string;
  readonly events: readonly string[];
  readonly endFlows: readonly string[];
  readonly questions: readonly string[];
  readonly logs: readonly string[];
}

const SESSION_DIRECTORY = /^dllt\d+$/;
/** Beginnings of the names of the files that are read. */
const PREFIXES = { events: 'netwevents_', endFlows: 'end_flows_', questions: 'dns_', logs: 'log_notif_' } as const;

/**
 * The sessions of which there are files in `directories`: each holds a session's files itself (as a replay writes
 * them), or holds the directories of sessions, `dllt<index>`. Rejects with one line when a directory cannot be read.
 */
export async function findSessions(directories: readonly string[]): Promise<SessionFiles[]> {
  const sessions = new Map<string, SessionFiles>();
  for (const directory of directories) {
    const entries = await entriesOf(directory);
    const found = [sessionFiles(directory, entries)];
    const names = entries.map(({ name }) => name).filter((name) => SESSION_DIRECTORY.test(name));
    for (const name of names.sort(byNumber)) {
      const path = join(directory, name);
      found.push(sessionFiles(path, await entriesOf(path, true)));
    }
    for (const files of found) {
      if (files.events.length + files.endFlows.length > 0) sessions.set(files.directory, files);
    }
  }
  return [...sessions.values()];
}

/** The files of one session, of what is in its directory. Whatever is no file (a pipe would never end) is left alone. */
function sessionFiles(directory: string, entries: readonly Dirent[]): SessionFiles {
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  const withPrefix = (prefix: string) =>
    names.filter((name) => name.startsWith(prefix) && name.endsWith('.log')).sort();
  return {
    directory,
    events: withPrefix(PREFIXES.events),
    endFlows: withPrefix(PREFIXES.endFlows),
    questions: withPrefix(PREFIXES.questions),
    logs: withPrefix(PREFIXES.logs),
  };
}

/** What is in a directory. One that `mayBeMissing`, as it was removed meanwhile or is none, has nothing in it. */
async function entriesOf(directory: string, mayBeMissing = false): Promise<Dirent[]> {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (mayBeMissing && (code === 'ENOENT' || code === 'ENOTDIR')) return [];
    const why = code === 'ENOENT' ? 'it does not exist' : code === 'ENOTDIR' ? 'it is not a directory' : message;
    throw new Error(`Cannot read the directory ${directory}: ${why}; name the one with the agent's files`);
  }
}

function byNumber(a: string, b: string): number {
  return Number(a.slice(4)) - Number(b.slice(4));
}

const NAME_TIME = /_(\d{4})_(\d\d)_(\d\d)_(\d\d)_(\d\d)_(\d\d)/;

/** When a file begins, as its name tells, in microseconds since 1970-01-01 UTC; NaN when it does not. */
function beginOf(name: string): number {
  const [, ...parts] = NAME_TIME.exec(name) ?? [];
  const [year = Number.NaN, month = 1, day, hour, minute, second] = parts.map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second) * 1000;
}

/**
 * The files that may hold lines of `sinceUs` or later: a file's lines come before the next one begins, give or take
 * that files are named by their first line and lines of deadlines come a little late.
 */
export function filesSince(names: readonly string[], sinceUs: number): readonly string[] {
  const first = names.findLastIndex((name) => beginOf(name) < sinceUs - LATE_US);
  return first < 0 ? names : names.slice(first);
}

const LATE_US = 2_000_000;
