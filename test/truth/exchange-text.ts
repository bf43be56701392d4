import type { Captured } from './captured.ts';
import { factsOf } from './captured.ts';
import { segmentFrame } from './conversation.ts';

/**
 * Frames as lines, one a segment: microseconds since the one before, `>` from who sent the first segment of the connection
 * or `<`, number of the connection, flags, sequence and acknowledgment numbers from 0 on, window, options in hex, payload in
 * base64 (or `length*byte` where all bytes are the same).
 */
export type ExchangeLine = string;

const BEGIN_US = 1_700_000_000e6;
const FLAGS = 'FSRPA';
const FIRST_PORT = 40_000;
const SERVER_PORT = 8_080;
const ISNS = [0x2000_0000, 0xf000_0000] as const;

/** Writes the TCP segments among frames as lines. */
export function linesOf(frames: readonly Captured[]): ExchangeLine[] {
  const connections = new Map<string, { number: number; client: string; isns: [number | null, number | null] }>();
  let lastUs = frames[0]?.timeUs ?? 0;
  const lines: ExchangeLine[] = [];
  for (const frame of frames) {
    const { connection, source, ipVersion, ipAt, tcpAt, flags } = factsOf(frame);
    if (ipVersion === 0) continue;
    const known = connections.get(connection) ?? { number: connections.size, client: source, isns: [null, null] };
    connections.set(connection, known);
    const bytes = Buffer.from(frame.bytes);
    const own = source === known.client ? 0 : 1;
    const sequence = bytes.readUInt32BE(tcpAt + 4);
    const acknowledgment = bytes.readUInt32BE(tcpAt + 8);
    known.isns[own] ??= sequence;
    if ((flags & 16) !== 0) known.isns[1 - own] ??= acknowledgment;
    const optionsEnd = tcpAt + ((bytes[tcpAt + 12] ?? 0) >> 4) * 4;
    const end = ipVersion === 4 ? ipAt + bytes.readUInt16BE(ipAt + 2) : ipAt + 40 + bytes.readUInt16BE(ipAt + 4);
    const payload = bytes.subarray(optionsEnd, end);
    lines.push(
      [
        Math.round(frame.timeUs - lastUs),
        own === 0 ? '>' : '<',
        known.number,
        [...FLAGS].filter((_, bit) => (flags & [1, 2, 4, 8, 16][bit]) !== 0).join(''),
        (sequence - (known.isns[own] ?? 0)) >>> 0,
        (flags & 16) === 0 ? 0 : (acknowledgment - (known.isns[1 - own] ?? 0)) >>> 0,
        bytes.readUInt16BE(tcpAt + 14),
        bytes.toString('hex', tcpAt + 20, optionsEnd) || '-',
        payloadText(payload),
      ]
        .join(' ')
        .trim(),
    );
    lastUs = frame.timeUs;
  }
  return lines;
}

/** The frames that lines stand for. */
export function framesOfLines(lines: readonly ExchangeLine[]): Captured[] {
  let timeUs = BEGIN_US;
  return lines.map((line, i) => {
    const [
      afterUs = '',
      who,
      number = '',
      flags = '',
      sequence = '',
      acknowledgment = '',
      window = '',
      options = '-',
      payload = '',
    ] = line.split(' ');
    timeUs += Number(afterUs);
    const isClient = who === '>';
    const [own, other] = isClient ? ISNS : ([ISNS[1], ISNS[0]] as const);
    const hasAck = flags.includes('A');
    const [clientPort, serverPort] = [FIRST_PORT + Number(number), SERVER_PORT];
    return segmentFrame({
      timeUs,
      ipVersion: 4,
      source: isClient ? 1 : 2,
      destination: isClient ? 2 : 1,
      sourcePort: isClient ? clientPort : serverPort,
      destinationPort: isClient ? serverPort : clientPort,
      // who refuses a SYN has no sequence number of its own (RFC 9293 §3.10.7.1)
      sequence: flags === 'RA' && Number(sequence) === 0 ? 0 : (own + Number(sequence)) >>> 0,
      acknowledgment: hasAck ? (other + Number(acknowledgment)) >>> 0 : 0,
      flags: [...FLAGS].reduce((bits, letter, bit) => bits | (flags.includes(letter) ? 1 << bit : 0), 0),
      window: Number(window),
      options: options === '-' ? new Uint8Array(0) : Buffer.from(options, 'hex'),
      payload: payloadOf(payload),
      ipId: i + 1,
      hopLimit: 64,
    });
  });
}

function payloadText(payload: Buffer): string {
  const [first = 0] = payload;
  if (payload.length > 8 && payload.every((byte) => byte === first)) return `${payload.length}*${first}`;
  return payload.toString('base64');
}

function payloadOf(text: string): Buffer {
  const run = text.match(/^(\d+)\*(\d+)$/);
  return run === null ? Buffer.from(text, 'base64') : Buffer.alloc(Number(run[1]), Number(run[2]));
}
