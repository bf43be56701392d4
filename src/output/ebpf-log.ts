import { formatIsoTimeMs } from '../model/utc-time.ts';
import { TimedNames } from './file-names.ts';
import { FLUSH_DELAY_MS, MAX_LOG_BYTES, type OutputTarget } from './output-target.ts';
import { RotatingFile } from './rotating-file.ts';

/** `processEBPF_<time>.log`: what the eBPF part did and why, a line of JSON each. */
export class EbpfLog {
  /** The file below: its counters, `start`, `flush`, `drain` and `close`. */
  readonly file: RotatingFile;
  readonly #clock: () => number;

  /** `clock` gives the time of the lines, in milliseconds since 1970-01-01. */
  constructor(target: OutputTarget, clock: () => number) {
    this.#clock = clock;
    this.file = new RotatingFile({
      ...target,
      naming: new TimedNames('processEBPF'),
      flushDelayMs: FLUSH_DELAY_MS,
      maxBytes: MAX_LOG_BYTES,
    });
  }

  write(level: 'info' | 'error', msg: string, fields: Readonly<Record<string, unknown>> = {}): void {
    const nowMs = this.#clock();
    const line = JSON.stringify({ level, time: formatIsoTimeMs(nowMs), ...fields, msg });
    this.file.beginLine(nowMs * 1000).text(line);
    this.file.endLine();
  }
}
