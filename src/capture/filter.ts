import { DEFAULT_FILTER } from '../model/default-filter.ts';
import type { Frame } from '../model/frame.ts';
import { LinkType } from '../model/link-type.ts';
import { BPF_INSTRUCTION_BYTES, compileDevicePcapFilter, compilePcapFilter, runPcapFilter } from '../native/libpcap.ts';
import type { Established } from './packet-source.ts';

/** A compiled capture filter: a classic BPF program. */
export interface FilterProgram {
  /** 8 bytes an instruction (`struct sock_filter`, linux/filter.h). */
  readonly instructions: Buffer;
  readonly instructionCount: number;
}

/*
 * `tcp` as libpcap reads it looks at IPv4, and at IPv6 whose first header is TCP or a fragment header with TCP behind
 * it. IPv6 with other extension headers in front of TCP would need `protochain`, which is a loop and which the kernel
 * refuses; so every IPv6 packet that begins with an extension header is let through, and the decoder looks for TCP.
 * They are rare. Numbers: hop-by-hop 0, routing 43, fragment 44, authentication 51, destination options 60 (RFC 8200).
 */
const TCP_ANY_IP = 'tcp or (ip6 and (ip6[6] = 0 or ip6[6] = 43 or ip6[6] = 44 or ip6[6] = 51 or ip6[6] = 60))';

/**
 * What is really compiled for an expression. Exactly the default, and `tcp`, are widened to what people mean by them:
 * also behind one or two VLAN tags that are still in the frame, and TCP behind IPv6 extension headers. A tag that the
 * kernel took out of the frame needs nothing: the filter sees the frame without it. Every other expression is left alone.
 */
export function effectiveFilter(expression: string, linkType: number): string {
  const text = expression.trim();
  if (text !== DEFAULT_FILTER && text !== 'tcp') return text;
  const wide = text === 'tcp' ? TCP_ANY_IP : `${TCP_ANY_IP} or icmp or icmp6 or udp port 53`;
  if (linkType !== LinkType.ethernet) return wide;
  return `${wide} or (vlan and (${wide} or (vlan and (${wide}))))`;
}

/** Of how many connections one is taken in a sample. */
const SAMPLE_OF = 8;

/**
 * What is left in, of what an expression accepts, when established connections are to be sampled or left out: what
 * begins and ends connections, the beginnings of TLS handshakes and alerts (RFC 8446 §5.1), and whatever is not plain
 * TCP over IP. The first clause that looks beyond the end of a packet ends the program: it has to be the last.
 */
function establishedFilter(established: Exclude<Established, 'all'>): string {
  const sample = (ports: string) => (established === 'none' ? '' : ` or (${ports}) & ${SAMPLE_OF - 1} = 0`);
  const ip4 =
    'tcp[tcpflags] & (tcp-syn|tcp-fin|tcp-rst) != 0' +
    `${sample('tcp[0:2] + tcp[2:2]')} or tcp[(tcp[12] & 0xf0) >> 2] = 22 or tcp[(tcp[12] & 0xf0) >> 2] = 21`;
  // libpcap's tcp[] is for IPv4 only
  const ip6 =
    'ip6[6] != 6 or ip6[53] & 7 != 0' +
    `${sample('ip6[40:2] + ip6[42:2]')} or ip6[40 + ((ip6[52] & 0xf0) >> 2)] = 22 or ip6[40 + ((ip6[52] & 0xf0) >> 2)] = 21`;
  return `(not ip and not ip6) or (ip and (not tcp or ${ip4})) or (ip6 and (${ip6}))`;
}

/** What is compiled for an expression, perhaps with less of what established connections send. */
function textOf(expression: string, linkType: number, established: Established): string {
  const text = effectiveFilter(expression, linkType);
  if (established === 'all') return text;
  // first, as `vlan` moves the offsets of all that follows it
  const sampled = `(${establishedFilter(established)})`;
  return text === '' ? sampled : `${sampled} and (${text})`;
}

/** The DLT_ number libpcap compiles for; it differs from the number in files for raw IP only (pcap/dlt.h). */
function dltOf(linkType: number): number {
  return linkType === LinkType.raw ? 12 : linkType;
}

/**
 * Compiles a pcap-filter(7) expression for frames of a link type (`LinkType`, as in capture files). An empty
 * expression takes everything and gives null. Throws an error that begins with `PCAP_FILTER:` and says in libpcap's
 * words what is wrong. `established` may leave out part of the traffic of established connections.
 */
export function compileFilter(
  expression: string,
  linkType: number,
  established: Established = 'all',
): FilterProgram | null {
  const text = textOf(expression, linkType, established);
  return compile(expression, text, () => compilePcapFilter(text, dltOf(linkType)));
}

/**
 * Compiles an expression for the packet socket of an Ethernet interface. Like `compileFilter`, but `vlan` also means a
 * tag that the kernel has taken out of the frame: libpcap writes that kind of program for an open device only. Must be
 * called inside the interface's network namespace.
 */
function compileLiveFilter(
  expression: string,
  interfaceName: string,
  established: Established = 'all',
): FilterProgram | null {
  const hasOwnVlan = /\bvlan\b/.test(expression);
  if (!hasOwnVlan) return compileFilter(expression, LinkType.ethernet, established);
  const text = textOf(expression, LinkType.ethernet, established);
  return compile(expression, text, () => compileDevicePcapFilter(text, interfaceName));
}

/** What a program for a packet socket is compiled for. */
export interface SocketFilterOptions {
  readonly expression: string;
  readonly established: Established;
  readonly interfaceName: string;
  /** False where the kernel takes the link header off. */
  readonly hasLinkHeader: boolean;
}

/** Compiles the program of a packet socket, in the network namespace of the interface; null takes every frame. */
export function compileSocketFilter(options: SocketFilterOptions): FilterProgram | null {
  const { expression, established, interfaceName, hasLinkHeader } = options;
  return hasLinkHeader
    ? compileLiveFilter(expression, interfaceName, established)
    : compileFilter(expression, LinkType.raw, established);
}

function compile(expression: string, text: string, run: () => Buffer): FilterProgram | null {
  if (text === '') return null;
  try {
    const instructions = run();
    return { instructions, instructionCount: instructions.length / BPF_INSTRUCTION_BYTES };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`PCAP_FILTER: ${reason} in "${expression.trim()}"`, { cause: error });
  }
}

/**
 * A filter for frames that do not come from a socket: runs libpcap's program over them. One native call a frame, so
 * leave it out where the default filter is meant: the decoder drops what is not TCP by itself.
 */
export class FrameFilter {
  readonly #expression: string;
  readonly #programs = new Map<number, FilterProgram | null>();

  /** Throws like `compileFilter` when the expression is wrong for Ethernet. */
  constructor(expression: string) {
    this.#expression = expression;
    this.#programs.set(LinkType.ethernet, compileFilter(expression, LinkType.ethernet));
  }

  /**
   * True when the expression accepts the frame. An expression that means nothing for the frame's link type (`vlan` on
   * raw IP) accepts none of that type.
   */
  matches(frame: Frame): boolean {
    let program = this.#programs.get(frame.linkType);
    if (program === undefined) {
      program = this.#compile(frame.linkType);
      this.#programs.set(frame.linkType, program);
    }
    if (program === null) return true;
    return runPcapFilter(program.instructions, frame.bytes.subarray(frame.start, frame.end), frame.wireLengthBytes);
  }

  #compile(linkType: number): FilterProgram | null {
    try {
      return compileFilter(this.#expression, linkType);
    } catch {
      return REJECT_ALL;
    }
  }
}

/** One instruction: `ret #-1`. */
export const ACCEPT_ALL: FilterProgram = { instructions: Buffer.from('06000000ffffffff', 'hex'), instructionCount: 1 };

/** One instruction: `ret #0`. */
const REJECT_ALL: FilterProgram = { instructions: Buffer.from('0600000000000000', 'hex'), instructionCount: 1 };

/** What is wrong with a filter expression, in libpcap's words; null when it can be used. */
export function filterProblem(expression: string): string | null {
  try {
    compileFilter(expression, LinkType.ethernet);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^PCAP_FILTER: /, '') : String(error);
  }
}
