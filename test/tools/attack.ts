import { TcpFlag } from '../../src/model/packet.ts';
import type { Random } from './random.ts';
import type { Endpoints, Segment } from './segment-writer.ts';

/** What attacker number `index` sends and is answered, a microsecond after each other; fills in the two ends. */
export type Attack = (index: number, ends: Endpoints, random: Random) => readonly Segment[];

const VICTIM = [10, 200, 0, 2] as const;
const VICTIM_PORT = 8_080;
const { syn: SYN, rst: RST, ack: ACK, psh: PSH } = TcpFlag;

/** A ClientHello that any server would answer: TLS 1.2, one cipher suite, no extensions (RFC 5246 §7.4.1.2). */
const CLIENT_HELLO = Buffer.from(`160301002d010000290303${'5a'.repeat(32)}000002c02f0100`, 'hex');

/** From ever new addresses, 11.0.0.0 and on: not those of honest clients. */
function assignSource(ends: Endpoints, index: number, random: Random): void {
  for (let i = 0; i < 4; i++) ends.clientAddress[i] = (0x0b_00_00_00 + index) >>> (24 - 8 * i);
  ends.clientPort = random.between(1_024, 65_535);
  ends.serverAddress.set(VICTIM);
  ends.serverPort = VICTIM_PORT;
}

/** The kinds of flood, by name. Each but the scan has as many sources as attackers. */
export const ATTACKS = {
  /** A SYN that nobody answers. */
  syn: (index, ends, random) => {
    assignSource(ends, index, random);
    return [{ fromClient: true, flags: SYN, sequence: random.uint32(), acknowledgment: 0 }];
  },
  /** Half of them a RST out of nowhere, half a handshake that the client resets. */
  rst: (index, ends, random) => {
    assignSource(ends, index, random);
    const sequence = random.uint32();
    if (index % 2 === 0) return [{ fromClient: true, flags: RST, sequence, acknowledgment: 0 }];
    return [...opening(sequence), { fromClient: true, flags: RST, sequence: (sequence + 1) >>> 0, acknowledgment: 0 }];
  },
  /** A handshake and a ClientHello, and no more. */
  hello: (index, ends, random) => {
    assignSource(ends, index, random);
    const sequence = random.uint32();
    const next = { fromClient: true, sequence: (sequence + 1) >>> 0, acknowledgment: 1 };
    return [...opening(sequence), { ...next, flags: ACK }, { ...next, flags: ACK | PSH, payload: CLIENT_HELLO }];
  },
  /** One source tries one port after the other, and is refused. */
  scan: (index, ends, random) => {
    assignSource(ends, 0, random);
    ends.serverPort = 1 + (index % 65_535);
    const sequence = random.uint32();
    return [
      { fromClient: true, flags: SYN, sequence, acknowledgment: 0 },
      { fromClient: false, flags: RST | ACK, sequence: 0, acknowledgment: (sequence + 1) >>> 0 },
    ];
  },
} as const satisfies Record<string, Attack>;

/** SYN and SYN-ACK; the server's first sequence number is 0. */
function opening(sequence: number): Segment[] {
  return [
    { fromClient: true, flags: SYN, sequence, acknowledgment: 0 },
    { fromClient: false, flags: SYN | ACK, sequence: 0, acknowledgment: (sequence + 1) >>> 0 },
  ];
}
