import { DNS_LOG_HEADER } from '../model/dns-log-columns.ts';
import type { DnsQuestion } from '../model/dns-question.ts';
import { SECOND_US } from '../model/second.ts';
import { TimedNames } from './file-names.ts';
import type { LineBuffer } from './line-buffer.ts';
import { FLUSH_DELAY_MS, MAX_CSV_LINES, type OutputTarget } from './output-target.ts';
import { RotatingFile } from './rotating-file.ts';

/** Appends the line of a DNS question, without its end. */
function appendQuestion(line: LineBuffer, question: DnsQuestion): void {
  const seconds = Math.floor(question.firstUs / SECOND_US);
  line.integer(seconds);
  line.ascii(`.${String(Math.floor(question.firstUs - seconds * SECOND_US)).padStart(6, '0')}`);
  line.comma();
  line.integer(question.clientPort);
  line.comma();
  line.ascii(question.resolverAddress);
  line.comma();
  line.field(question.name);
  line.comma();
  line.ascii(question.type);
  line.comma();
  line.integer(question.rcode);
  line.comma();
  line.integer(question.answers);
  line.comma();
  line.integer(question.latencyUs);
  line.comma();
  line.integer(question.queries);
  line.comma();
  line.integer(question.candidates);
}

/** `dns_<time>.log`: a line per DNS question. Files are named by the time at which their first line was written. */
export class DnsFile {
  /** The file below: its counters, `start`, `flush`, `drain` and `close`. */
  readonly file: RotatingFile;

  constructor(target: OutputTarget) {
    this.file = new RotatingFile({
      ...target,
      naming: new TimedNames('dns'),
      flushDelayMs: FLUSH_DELAY_MS,
      header: DNS_LOG_HEADER,
      maxLines: MAX_CSV_LINES,
    });
  }

  /** Writes the line of a question that is over. */
  write(question: DnsQuestion): void {
    appendQuestion(this.file.beginLine(question.firstUs), question);
    this.file.endLine();
  }
}
