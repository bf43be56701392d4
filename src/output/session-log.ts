import { inspect } from 'node:util';
import { type Logger, pino } from 'pino';
import type { LogLevel } from '../model/log-level.ts';
import { visibleJson, visibleText } from '../model/safe-text.ts';
import { formatIsoTimeMs } from '../model/utc-time.ts';
import { TimedNames, TwoGenerations } from './file-names.ts';
import { FLUSH_DELAY_MS, MAX_LOG_BYTES, type OutputTarget } from './output-target.ts';
import { RotatingFile } from './rotating-file.ts';

/** Facts that go with a message; times and sizes have their unit in the name. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Whose log it is, and who reads along. */
export interface SessionLogOptions extends OutputTarget {
  readonly level: LogLevel;
  readonly podName: string;
  readonly podNamespace: string;
  readonly interfaceName: string;
  /** Time of the lines, in milliseconds since 1970-01-01: the wall clock, or that of a replayed capture. */
  readonly clock: () => number;
  /** Also given each line for people, without its end: the console. */
  readonly print?: (line: string) => void;
}

/** Values longer than this are cut in lines for people; the log file has all of them. */
const MAX_PRINTED_CHARACTERS = 200;

/**
 * What a session did and why: `log_notif_<time>.log` for machines (NDJSON) and `outputfile.txt`, with its older half
 * in `outputfile.1.txt`, for people. Never throws and never blocks.
 */
export class SessionLog {
  /** `log_notif_<time>.log`. */
  readonly notifications: RotatingFile;
  /** `outputfile.txt`. */
  readonly console: RotatingFile;
  readonly #logger: Logger;
  readonly #interfaceName: string;
  readonly #clock: () => number;
  readonly #print: ((line: string) => void) | undefined;

  constructor(options: SessionLogOptions) {
    const { level, podName, podNamespace, interfaceName, clock, print, ...target } = options;
    this.#interfaceName = interfaceName;
    this.#clock = clock;
    this.#print = print;
    const file = { ...target, flushDelayMs: FLUSH_DELAY_MS };
    this.notifications = new RotatingFile({ ...file, naming: new TimedNames('log_notif'), maxBytes: MAX_LOG_BYTES });
    this.console = new RotatingFile({
      ...file,
      naming: new TwoGenerations('outputfile.txt', 'outputfile.1.txt', MAX_LOG_BYTES / 2),
      maxBytes: MAX_LOG_BYTES,
    });
    this.#logger = pino(
      {
        level,
        base: { pod: podName, namespace: podNamespace, interface: interfaceName },
        timestamp: () => `,"time":"${formatIsoTimeMs(clock())}"`,
        formatters: { level: (label) => ({ level: label }) },
      },
      { write: (line) => append(this.notifications, clock() * 1000, visibleJson(line.trimEnd())) },
    );
  }

  /** What is logged: this level and those above it. May be changed at any time. */
  get level(): LogLevel {
    return this.#logger.level as LogLevel;
  }

  set level(level: LogLevel) {
    this.#logger.level = level;
  }

  /** Something failed that somebody should look at. */
  error(message: string, fields: LogFields = {}): void {
    this.#log('error', message, fields);
  }

  /** Something is not as it should be; the session goes on. */
  warn(message: string, fields: LogFields = {}): void {
    this.#log('warn', message, fields);
  }

  /** What is on the console already. */
  note(message: string, level: LogLevel = 'warn'): void {
    this.#log(level, message, {}, false);
  }

  /** What is always written, whatever the level. */
  always(message: string, fields: LogFields = {}): void {
    const { level } = this;
    if (!this.#logger.isLevelEnabled('info')) this.level = 'info';
    this.info(message, fields);
    this.level = level;
  }

  /** What the session does. */
  info(message: string, fields: LogFields = {}): void {
    this.#log('info', message, fields);
  }

  /** What only somebody who looks for a fault wants to know. */
  debug(message: string, fields: LogFields = {}): void {
    this.#log('debug', message, fields);
  }

  /** Writes what waits in both files. */
  async flush(): Promise<void> {
    await Promise.all([this.notifications.flush(), this.console.flush()]);
  }

  /** Writes what waits and closes both files. */
  async close(): Promise<void> {
    await Promise.all([this.notifications.close(), this.console.close()]);
  }

  #log(level: LogLevel, message: string, fields: LogFields, printed = true): void {
    if (!this.#logger.isLevelEnabled(level)) return;
    this.#logger[level](fields, message);
    const nowMs = this.#clock();
    const line = formatForPeople(nowMs, level, this.#interfaceName, message, fields);
    append(this.console, nowMs * 1000, line);
    if (printed) this.#print?.(line);
  }
}

/** `2023-11-01T22:56:37.123Z warn  [veth1a2b] message key=value`, on one line. */
export function formatForPeople(
  timeMs: number,
  level: LogLevel,
  interfaceName: string,
  message: string,
  fields: LogFields,
): string {
  const facts = Object.entries(fields).map(([key, value]) => ` ${key}=${printable(value)}`);
  const line = `${formatIsoTimeMs(timeMs)} ${level.padEnd(5)} [${interfaceName}] ${message}${facts.join('')}`;
  return visibleText(line.replace(/\p{Cc}+/gu, ' ')); // what comes from packets must not steer a terminal, or deceive
}

function printable(value: unknown): string {
  const text =
    value instanceof Error
      ? value.message
      : typeof value === 'string'
        ? value
        : inspect(value, { breakLength: Infinity });
  return text.length > MAX_PRINTED_CHARACTERS ? `${text.slice(0, MAX_PRINTED_CHARACTERS)}…` : text;
}

function append(file: RotatingFile, timeUs: number, line: string): void {
  file.beginLine(timeUs).text(line);
  file.endLine();
}
