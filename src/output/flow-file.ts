import type { Connection } from '../model/connection.ts';
import { appendEndpoints, appendProcess, appendTime } from './connection-columns.ts';
import { TimedNames } from './file-names.ts';
import { isFromInternet, type Network } from './internet.ts';
import type { LineBuffer } from './line-buffer.ts';
import { FLUSH_DELAY_MS, MAX_CSV_LINES, type OutputTarget } from './output-target.ts';
import { RotatingFile } from './rotating-file.ts';

/** First line of each flows file. */
export const FLOW_HEADER =
  '#srcIP,srcPort,dstIP,dstPort,pid,ppid,uid,processName,beginSec,beginUsec,fromInternet,interface';

/** Appends the line of a connection that began, without its end. */
export function appendFlow(
  line: LineBuffer,
  connection: Connection,
  ownNetworks: readonly Network[],
  interfaceName: string,
): void {
  appendEndpoints(line, connection);
  appendProcess(line, connection);
  appendTime(line, connection.beginUs);
  line.comma();
  line.integer(isFromInternet(connection, ownNetworks) ? 1 : 0);
  line.comma();
  line.field(interfaceName);
}

/** `flows_<time>.log`: a line per connection that began. Files are named by the time of their first connection. */
export class FlowFile {
  /** The file below: its counters, `start`, `flush`, `drain` and `close`. */
  readonly file: RotatingFile;
  readonly #interfaceName: string;
  readonly #ownNetworks: readonly Network[];

  /** `ownNetworks` are those whose addresses do not count as internet. */
  constructor(target: OutputTarget, interfaceName: string, ownNetworks: readonly Network[]) {
    this.#interfaceName = interfaceName;
    this.#ownNetworks = ownNetworks;
    this.file = new RotatingFile({
      ...target,
      naming: new TimedNames('flows'),
      flushDelayMs: FLUSH_DELAY_MS,
      header: FLOW_HEADER,
      maxLines: MAX_CSV_LINES,
    });
  }

  /** Writes the line of a connection that just began. Nothing of it is kept. */
  write(connection: Connection): void {
    appendFlow(this.file.beginLine(connection.beginUs), connection, this.#ownNetworks, this.#interfaceName);
    this.file.endLine();
  }
}
