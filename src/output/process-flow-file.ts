import { SECOND_US } from '../model/second.ts';
import type { SeenConnection } from '../model/seen-connection.ts';
import { appendEndpoints } from './connection-columns.ts';
import { TimedNames } from './file-names.ts';
import type { LineBuffer } from './line-buffer.ts';
import { FLUSH_DELAY_MS, MAX_CSV_LINES, type OutputTarget } from './output-target.ts';
import { RotatingFile } from './rotating-file.ts';

/** First line of each process_flows file. */
export const PROCESS_FLOW_HEADER = '#sec,usec,tgid,pid,comm,ppid,uid,srcIP,srcPort,dstIP,dstPort';

/** Appends the line of a connection whose process the kernel told, without its end. */
function appendProcessFlow(line: LineBuffer, seen: SeenConnection): void {
  const { owner } = seen;
  const seconds = Math.floor(seen.timeUs / SECOND_US);
  line.integer(seconds);
  line.comma();
  line.integer(seen.timeUs - seconds * SECOND_US);
  line.comma();
  line.integer(owner.tgid);
  line.comma();
  line.integer(owner.pid);
  line.comma();
  line.field(owner.threadName);
  line.comma();
  line.integer(owner.parent);
  line.comma();
  line.integer(owner.uid);
  line.comma();
  appendEndpoints(line, seen);
}

/** `process_flows_<time>.log`: a line per connection whose process eBPF saw. Named by the time of their first line. */
export class ProcessFlowFile {
  /** The file below: its counters, `start`, `flush`, `drain` and `close`. */
  readonly file: RotatingFile;

  constructor(target: OutputTarget) {
    this.file = new RotatingFile({
      ...target,
      naming: new TimedNames('process_flows'),
      flushDelayMs: FLUSH_DELAY_MS,
      header: PROCESS_FLOW_HEADER,
      maxLines: MAX_CSV_LINES,
    });
  }

  /** Writes the line of a connection. Nothing of it is kept. */
  write(seen: SeenConnection): void {
    appendProcessFlow(this.file.beginLine(seen.timeUs), seen);
    this.file.endLine();
  }
}
