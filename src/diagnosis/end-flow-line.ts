import { EndType, Side } from '../model/connection.ts';
import { EventCode } from '../model/event-code.ts';
import { END_FLOW_HEADER } from '../model/flow-columns.ts';
import { safeText } from '../model/safe-text.ts';

/** What a diagnosis takes from a line of end_flows. Times in microseconds since 1970-01-01 UTC, durations in microseconds. */
export interface EndFlowLine {
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly destinationAddress: string;
  readonly destinationPort: number;
  readonly beginUs: number;
  readonly endUs: number;
  /** Whether a SYN-ACK was seen. */
  readonly answeredSyn: boolean;
  /** From the SYN to the end of the TCP handshake; 0 when not all of it was seen. */
  readonly handshakeUs: number;
  /** From the SYN to the end of the TLS handshake; 0 when not seen. */
  readonly tlsUs: number;
  /** From what the client first said to the server's first byte; 0 when not seen. */
  readonly firstByteUs: number;
  /** Payload bytes from the client, and from the server. */
  readonly bytesTo: number;
  readonly bytesFrom: number;
  /** `EndType`. */
  readonly endType: number;
  /** Who ended it. */
  readonly endedBy: Side;
  /** False when what is said of it is in doubt. */
  readonly certain: boolean;
  /** `curl (pid 4711)`; empty when unknown. */
  readonly process: string;
  /** Segments that the client sent again, and the server. */
  readonly retransmittedTo: number;
  readonly retransmittedFrom: number;
  /** Shortest round trip between the capture and the server, and the client; 0 when not seen. */
  readonly rttToUs: number;
  readonly rttFromUs: number;
  /** Answers that were errors of the server. */
  readonly httpErrors: number;
  /** The kind of trouble it had; empty when it had none, and in lines of older agents. */
  readonly failure: EventCode | '';
}

const COLUMNS = END_FLOW_HEADER.slice(1).split(',');
const at = (name: string) => COLUMNS.indexOf(name);
const [SOURCE_ADDRESS, SOURCE_PORT] = [at('srcIP'), at('srcPort')];
const [DESTINATION_ADDRESS, DESTINATION_PORT] = [at('dstIP'), at('dstPort')];
const [BEGIN_SECONDS, BEGIN_MICROSECONDS] = [at('beginSec'), at('beginUsec')];
const [END_SECONDS, END_MICROSECONDS] = [at('endSec'), at('endUsec')];
const [SYN_ACK_LATENCY, ACK_LATENCY, TLS_LATENCY] = [at('latency1'), at('latency2'), at('latency3')];
const [DATA_FROM, DATA_TO, END_TYPE, ENDED_BY] = [at('dataFrom'), at('dataTo'), at('endType'), at('evtSrc')];
const [QUALITY, PID, PROCESS_NAME] = [at('quality'), at('pid'), at('processName')];
const [FIRST_BYTE_LATENCY, FAILURE] = [at('latency4'), at('failure')];
const [RETRANSMITTED_TO, RETRANSMITTED_FROM] = [at('retransmittedTo'), at('retransmittedFrom')];
const [RTT_TO, RTT_FROM, HTTP_ERRORS] = [at('rttToUs'), at('rttFromUs'), at('httpErrors')];
/** Older agents wrote the failure right behind the latency. */
const OLD_FAILURE = FIRST_BYTE_LATENCY + 1;
/** All columns up to the last that older agents wrote hold numbers, but these. */
const TEXTS: ReadonlySet<number> = new Set([
  SOURCE_ADDRESS,
  DESTINATION_ADDRESS,
  PROCESS_NAME,
  at('srcName'),
  at('dstName'),
  FAILURE,
]);

const CODES: ReadonlySet<string> = new Set(Object.values(EventCode));

/**
 * Reads a line of end_flows; null when it is the header or damaged. The columns keep their places, more may follow;
 * lines of older agents end with the process name, or with `latency4,failure`.
 */
export function parseEndFlowLine(line: string): EndFlowLine | null {
  if (line.startsWith('#')) return null;
  const fields = line.split(',', COLUMNS.length);
  if (fields.length <= PROCESS_NAME) return null;
  const isOld = fields.length <= OLD_FAILURE + 1;
  const failure = (isOld ? fields.splice(OLD_FAILURE)[0] : fields[FAILURE]) ?? '';
  const numbers = fields.map((field, i) => (TEXTS.has(i) ? 0 : Number(field)));
  if (!numbers.every((value, i) => value >= 0 || (i >= PID && i < PROCESS_NAME && value === -1))) return null;
  const number = (position: number) => numbers[position] ?? 0;
  const text = (position: number) => safeText(fields[position] ?? '');
  const timeUs = (seconds: number, microseconds: number) => number(seconds) * 1_000_000 + number(microseconds);
  const [synAckUs, ackUs] = [number(SYN_ACK_LATENCY), number(ACK_LATENCY)];
  return {
    sourceAddress: text(SOURCE_ADDRESS),
    sourcePort: number(SOURCE_PORT),
    destinationAddress: text(DESTINATION_ADDRESS),
    destinationPort: number(DESTINATION_PORT),
    beginUs: timeUs(BEGIN_SECONDS, BEGIN_MICROSECONDS),
    endUs: timeUs(END_SECONDS, END_MICROSECONDS),
    answeredSyn: synAckUs > 0,
    handshakeUs: synAckUs > 0 && ackUs > 0 ? synAckUs + ackUs : 0,
    tlsUs: number(TLS_LATENCY),
    firstByteUs: number(FIRST_BYTE_LATENCY),
    bytesTo: number(DATA_TO),
    bytesFrom: number(DATA_FROM),
    endType: number(END_TYPE),
    endedBy: number(ENDED_BY) === 0 ? Side.initiator : Side.responder,
    certain: number(QUALITY) !== 0,
    process: fields[PROCESS_NAME] === '?' ? '' : `${text(PROCESS_NAME)} (pid ${number(PID)})`,
    retransmittedTo: number(RETRANSMITTED_TO),
    retransmittedFrom: number(RETRANSMITTED_FROM),
    rttToUs: number(RTT_TO),
    rttFromUs: number(RTT_FROM),
    httpErrors: number(HTTP_ERRORS),
    failure: CODES.has(failure) ? (failure as EventCode) : '',
  };
}

/**
 * Whether a connection went well: both sides ended it in order (or one reset it after both had spoken, as some programs
 * close), nothing failed, and what the client said was answered.
 */
export function wentWell({ failure, endType, bytesTo, bytesFrom }: EndFlowLine): boolean {
  if (failure !== '') return false;
  if (endType === EndType.reset) return bytesTo > 0 && bytesFrom > 0;
  return endType === EndType.fin && (bytesFrom > 0 || bytesTo === 0);
}
