import { type Connection, Side } from '../model/connection.ts';
import { END_FLOW_HEADER } from '../model/flow-columns.ts';
import { appendEndpoints, appendProcess, appendTime } from './connection-columns.ts';
import { TimedNames } from './file-names.ts';
import type { LineBuffer } from './line-buffer.ts';
import { FLUSH_DELAY_MS, MAX_CSV_LINES, type OutputTarget } from './output-target.ts';
import { RotatingFile } from './rotating-file.ts';

/** Appends the line of a connection that ended, without its end. */
export function appendEndFlow(line: LineBuffer, connection: Connection): void {
  appendEndpoints(line, connection);
  appendTime(line, connection.beginUs);
  appendTime(line, connection.endUs);
  line.comma();
  line.integer(connection.synAckLatencyUs);
  line.comma();
  line.integer(connection.ackLatencyUs);
  line.comma();
  line.integer(connection.tlsLatencyUs);
  line.comma();
  line.integer(connection.responderBytes);
  line.comma();
  line.integer(connection.initiatorBytes);
  line.comma();
  line.integer(connection.connectionType);
  line.comma();
  line.integer(connection.endType);
  line.comma();
  line.integer(connection.endedBy);
  line.comma();
  line.integer(connection.certain ? 1 : 0);
  appendProcess(line, connection);
  line.comma();
  line.integer(connection.firstByteLatencyUs);
  appendQuality(line, connection);
  line.comma();
  line.text(connection.failure);
}

/** Appends `,retransmittedTo` to `,dstName`. To dst goes what src sends, and what dst acknowledges or has no room for. */
function appendQuality(line: LineBuffer, connection: Connection): void {
  line.comma();
  line.integer(connection.retransmitted(Side.initiator));
  line.comma();
  line.integer(connection.retransmitted(Side.responder));
  line.comma();
  line.integer(connection.outOfOrder(Side.initiator));
  line.comma();
  line.integer(connection.outOfOrder(Side.responder));
  line.comma();
  line.integer(connection.roundTripUs(Side.responder));
  line.comma();
  line.integer(connection.roundTripUs(Side.initiator));
  line.comma();
  line.integer(connection.zeroWindowMs(Side.responder));
  line.comma();
  line.integer(connection.zeroWindowMs(Side.initiator));
  line.comma();
  line.integer(connection.httpErrors);
  line.comma(); // names of src and dst are not known here
  line.comma();
}

/** `end_flows_<time>.log`: a line per connection that ended. Files are named by the end of their first connection. */
export class EndFlowFile {
  /** The file below: its counters, `start`, `flush`, `drain` and `close`. */
  readonly file: RotatingFile;

  constructor(target: OutputTarget) {
    this.file = new RotatingFile({
      ...target,
      naming: new TimedNames('end_flows'),
      flushDelayMs: FLUSH_DELAY_MS,
      header: END_FLOW_HEADER,
      maxLines: MAX_CSV_LINES,
    });
  }

  /** Writes the line of a connection that just ended. Nothing of it is kept. */
  write(connection: Connection): void {
    appendEndFlow(this.file.beginLine(connection.endUs), connection);
    this.file.endLine();
  }
}
