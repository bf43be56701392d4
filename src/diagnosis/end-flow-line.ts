import { END_FLOW_HEADER } from '../model/flow-columns.ts';
import { safeText } from '../model/safe-text.ts';

/** What a report takes from a line of end_flows. */
export interface EndFlowLine {
  readonly destinationAddress: string;
  readonly destinationPort: number;
  /** Microseconds since 1970-01-01 UTC. */
  readonly endUs: number;
  /** From the SYN to the end of the TCP handshake, in microseconds; 0 when not all of it was seen. */
  readonly handshakeUs: number;
  /** From the SYN to the end of the TLS handshake, in microseconds; 0 when not seen. */
  readonly tlsUs: number;
  /** From what the client first said to the server's first byte, in microseconds; 0 when not seen. */
  readonly firstByteUs: number;
  /** `EndType`. */
  readonly endType: number;
}

const COLUMNS = END_FLOW_HEADER.slice(1).split(',');
const [DESTINATION_ADDRESS, DESTINATION_PORT, END_SECONDS, END_MICROSECONDS] = positions(
  'dstIP',
  'dstPort',
  'endSec',
  'endUsec',
);
const [SYN_ACK_LATENCY, ACK_LATENCY, TLS_LATENCY, END_TYPE] = positions('latency1', 'latency2', 'latency3', 'endType');
const [PROCESS_NAME, FIRST_BYTE_LATENCY] = positions('processName', 'latency4');

/**
 * Reads a line of end_flows; null when it is the header or damaged. The columns keep their places, more may follow;
 * lines of older agents end with the process name.
 */
export function parseEndFlowLine(line: string): EndFlowLine | null {
  if (line.startsWith('#')) return null;
  const fields = line.split(',', COLUMNS.length);
  if (fields.length <= PROCESS_NAME) return null;
  const number = (position: number) => Number(fields[position] ?? 0);
  const [synAckUs, ackUs] = [number(SYN_ACK_LATENCY), number(ACK_LATENCY)];
  const endUs = number(END_SECONDS) * 1_000_000 + number(END_MICROSECONDS);
  const [tlsUs, firstByteUs] = [number(TLS_LATENCY), number(FIRST_BYTE_LATENCY)];
  const numbers = [endUs, synAckUs, ackUs, tlsUs, firstByteUs, number(DESTINATION_PORT), number(END_TYPE)];
  if (!numbers.every((value) => value >= 0)) return null;
  return {
    destinationAddress: safeText(fields[DESTINATION_ADDRESS] ?? ''),
    destinationPort: number(DESTINATION_PORT),
    endUs,
    handshakeUs: synAckUs > 0 && ackUs > 0 ? synAckUs + ackUs : 0,
    tlsUs,
    firstByteUs,
    endType: number(END_TYPE),
  };
}

function positions(...names: readonly string[]): number[] {
  return names.map((name) => COLUMNS.indexOf(name));
}
