import type { PacketSource, SourceState } from '../../src/capture/packet-source.ts';
import { Direction, type Frame } from '../../src/model/frame.ts';
import { LinkType } from '../../src/model/link-type.ts';
import { TcpFlag } from '../../src/model/packet.ts';
import { ethernet, extension, hex, type IpPacket, ipv4, ipv6, nflog, sll, sll2, tcp } from '../tools/frame-bytes.ts';
import type { Random } from '../tools/random.ts';

const { fin: FIN, syn: SYN, rst: RST, ack: ACK } = TcpFlag;
const SYN_OPTIONS = hex('020405b4 0402 080a00000001 00000000 01 030307');

const PAYLOADS: readonly Buffer[] = [
  Buffer.from('GET /index.html HTTP/1.1\r\nHost: shop.example\r\nX-Pepe: 42\r\n\r\n'),
  Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'),
  Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'),
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1'),
  hex(`1603010036 01000032 0303 ${'5a'.repeat(32)} 00 0004 1301c02f 01 00 0005 ff0100010000`),
  hex(`160303002a 02000026 0303 ${'a5'.repeat(32)} 00 c02f 00`),
  hex('15030300020228'),
  hex(`1703030020${'77'.repeat(32)}`),
  Buffer.alloc(1_448, 0x61),
  Buffer.from([0]),
];

/** A frame and the link type it was captured on. */
export interface Sample {
  readonly bytes: Buffer;
  readonly linkType: number;
}

interface Ends {
  readonly isIpv6: boolean;
  readonly clientPort: number;
  readonly serverPort: number;
}

/** Turns a packet round: whoever built it has the client as its source. */
function turn(packet: IpPacket, isIpv6: boolean): IpPacket {
  const [at, length] = isIpv6 ? [8, 16] : [12, 4];
  const bytes = Buffer.from(packet.bytes);
  packet.bytes.copy(bytes, at, at + length, at + 2 * length);
  packet.bytes.copy(bytes, at + length, at, at + length);
  return { ...packet, bytes };
}

function wrap(random: Random, { isIpv6 }: Ends, fromClient: boolean, segment: Buffer): Sample {
  const withExtension = random.chance(0.1);
  const packet = isIpv6
    ? ipv6(withExtension ? Buffer.concat([extension(6), segment]) : segment, { next: withExtension ? 0 : 6 })
    : ipv4(segment, withExtension ? { options: hex('94040000') } : {});
  const ip = fromClient ? packet : turn(packet, isIpv6);
  const tags = random.chance(0.2) ? [0x8100] : [];
  switch (random.between(0, 9)) {
    case 0:
      return { bytes: sll(ip, tags), linkType: LinkType.linuxSll };
    case 1:
      return { bytes: sll2(ip, tags), linkType: LinkType.linuxSll2 };
    case 2:
      return { bytes: ip.bytes, linkType: LinkType.raw };
    case 3:
      return { bytes: nflog(ip), linkType: LinkType.nflog };
    default:
      return { bytes: ethernet(ip, tags), linkType: LinkType.ethernet };
  }
}

/** The frames of one connection, more or less as TCP would have it. */
function dialogue(random: Random, ends: Ends): Sample[] {
  const samples: Sample[] = [];
  let client = random.uint32();
  let server = random.uint32();
  const send = (fromClient: boolean, flags: number, payload: Buffer = Buffer.alloc(0)) => {
    const [sequence, acknowledgment] = fromClient ? [client, server] : [server, client];
    const [sourcePort, destinationPort] = fromClient
      ? [ends.clientPort, ends.serverPort]
      : [ends.serverPort, ends.clientPort];
    const options = (flags & SYN) !== 0 ? SYN_OPTIONS : Buffer.alloc(0);
    const fields = { sourcePort, destinationPort, sequence, acknowledgment, flags, options, payload };
    samples.push(wrap(random, ends, fromClient, tcp(fields)));
    const moved = payload.length + ((flags & (SYN | FIN)) !== 0 ? 1 : 0);
    if (fromClient) client = (client + moved) >>> 0;
    else server = (server + moved) >>> 0;
  };
  if (random.chance(0.9)) send(true, SYN);
  if (random.chance(0.1)) send(false, RST | ACK);
  if (random.chance(0.9)) send(false, SYN | ACK);
  send(true, ACK);
  for (let n = random.between(0, 8); n > 0; n--) send(random.chance(0.5), ACK, random.pick(PAYLOADS));
  if (random.chance(0.3)) send(random.chance(0.5), RST);
  if (random.chance(0.7)) send(true, FIN | ACK);
  if (random.chance(0.7)) send(false, FIN | ACK);
  send(true, ACK);
  return samples;
}

/** Frames of many connections between few endpoints, so that ports are used again and again, mixed with each other. */
export function samples(random: Random, connections: number): Sample[] {
  const open = Array.from({ length: connections }, () =>
    dialogue(random, {
      isIpv6: random.chance(0.4),
      clientPort: random.between(1_024, 1_400),
      serverPort: random.pick([80, 443, 5_432]),
    }),
  );
  const mixed: Sample[] = [];
  const active = open.splice(0, 50);
  while (active.length > 0) {
    const at = random.between(0, active.length - 1);
    const sample = active[at]?.shift();
    if (sample !== undefined) mixed.push(sample);
    else active.splice(at, 1, ...open.splice(0, 1));
  }
  return mixed;
}

/** Changes bytes, cuts, and spoils lengths; the memory behind `bytes` is changed in place. */
function mutate(random: Random, bytes: Buffer): number {
  let length = bytes.length;
  const headers = Math.min(length, 90);
  for (let n = random.between(1, 4); n > 0 && length > 0; n--) {
    switch (random.between(0, 4)) {
      case 0: {
        const at = random.between(0, headers - 1);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random.between(0, 7));
        break;
      }
      case 1:
        bytes[random.between(0, headers - 1)] = random.pick([0, 0xff, 0x7f, 0x80, 1]);
        break;
      case 2:
        bytes[random.between(0, bytes.length - 1)] = random.between(0, 255);
        break;
      case 3:
        length = random.between(0, length);
        break;
      default:
        for (let at = random.between(0, headers - 1); at < headers && random.chance(0.7); at++) {
          bytes[at] = random.between(0, 255);
        }
    }
  }
  return length;
}

/** How time passes from frame to frame, in microseconds. */
function step(random: Random): number {
  if (random.chance(0.9)) return random.between(0, 20_000);
  if (random.chance(0.9)) return random.between(-50_000, 3_000_000);
  return random.between(-60, 700) * 1_000_000;
}

/** Gives out frames, part of them spoilt, always the same for the same seed. */
export class FuzzSource implements PacketSource {
  readonly description = 'fuzz';
  /** Frames that are still to come. */
  left: number;
  readonly #random: Random;
  readonly #samples: readonly Sample[];
  #next = 0;
  #timeUs = 1_700_000_000e6;

  constructor(random: Random, samples: readonly Sample[], frames: number) {
    this.#random = random;
    this.#samples = samples;
    this.left = frames;
  }

  next(frame: Frame): boolean {
    if (this.left === 0) return false;
    this.left--;
    const random = this.#random;
    const sample = this.#samples[this.#next++ % this.#samples.length];
    if (sample === undefined) return false;
    const start = random.between(0, 64);
    const memory = Buffer.alloc(start + sample.bytes.length + 64); // frames stay valid until the source says false
    const bytes = memory.subarray(start, start + sample.bytes.length);
    sample.bytes.copy(bytes);
    const length = random.chance(0.6) ? mutate(random, bytes) : bytes.length;
    this.#timeUs = Math.max(0, this.#timeUs + step(random));
    frame.view = new DataView(memory.buffer, memory.byteOffset, memory.length);
    frame.bytes = memory;
    frame.start = start;
    frame.end = start + length;
    frame.wireLengthBytes = random.chance(0.8) ? sample.bytes.length : length;
    frame.timeUs = random.chance(0.0001) ? random.pick([0, -5, Number.NaN, 1e18, 4e15]) : this.#timeUs;
    frame.linkType = random.chance(0.01) ? random.between(0, 300) : sample.linkType;
    frame.direction = random.pick([Direction.unknown, Direction.fromPod, Direction.toPod]);
    return true;
  }

  ready(): Promise<SourceState> {
    return Promise.resolve(this.left > 0 ? 'readable' : 'ended');
  }

  counters() {
    return { frames: 0, bytes: 0, kernelDrops: 0, agentDrops: 0 };
  }

  close(): void {
    this.left = 0;
  }
}
