import { everyStep } from '../model/every-step.ts';
import { MEBIBYTE } from '../model/mebibyte.ts';
import {
  bindSocket,
  closeDescriptor,
  inNetworkNamespace,
  interfaceName,
  openSocket,
  SO_ATTACH_FILTER,
  SOCK_DGRAM,
  SOCK_RAW,
  SOL_SOCKET,
  setSocketOption,
  socketName,
  socketOption,
  trySocketOption,
} from '../native/libc.ts';
import { addressOf, type Mapping, mapShared, retireMapping } from '../native/mapping.ts';
import type { FilterProgram } from './filter.ts';
import {
  AF_PACKET,
  Arphrd,
  ETH_P_ALL,
  PacketOption,
  packetAddress,
  type RingShape,
  ringRequest,
  SLL_HATYPE_OFFSET,
  SLL_IFINDEX_OFFSET,
  SOCKADDR_LL_BYTES,
  SOL_PACKET,
  TPACKET_V3,
} from './ring-layout.ts';

const RIGHTS = { EPERM: 'needs CAP_NET_RAW', EACCES: 'needs CAP_NET_RAW' };

/** An open packet socket with a mapped ring, already receiving. Whoever holds it closes it by `closePacketSocket`. */
export interface PacketSocket {
  readonly fd: number;
  readonly mapping: Mapping;
  /** Name of the interface when it was opened. */
  readonly interfaceName: string;
  /** False when the kernel takes the link header off: frames then begin with the IP header. */
  readonly hasLinkHeader: boolean;
  readonly loopback: boolean;
}

/** What `openPacketSocket` needs to know. */
export interface PacketSocketOptions {
  readonly interfaceIndex: number;
  /** Network namespace the interface is in, e.g. `/proc/1234/ns/net`; the agent's own when missing. */
  readonly namespacePath?: string;
  readonly shape: RingShape;
  /** How long the kernel keeps a block that is not full, in milliseconds. */
  readonly retireMs: number;
  /**
   * Gives the program for an interface, by its name and the kind of its frames; null takes every frame. Called inside
   * the network namespace.
   */
  readonly filter: (interfaceName: string, hasLinkHeader: boolean) => FilterProgram | null;
}

/**
 * Opens a packet socket (packet(7)) on an interface and maps its receive ring (TPACKET_V3, networking/packet_mmap of
 * the kernel's documentation). The filter is in place before the first frame can come. Throws `SystemError`, and what
 * `filter` throws.
 */
export function openPacketSocket(options: PacketSocketOptions): PacketSocket {
  const { namespacePath } = options;
  return namespacePath === undefined ? open(options) : inNetworkNamespace(namespacePath, () => open(options));
}

function open(options: PacketSocketOptions): PacketSocket {
  const { interfaceIndex, shape } = options;
  const name = interfaceName(interfaceIndex);
  if (name === null) throw new Error(`Cannot capture on interface ${interfaceIndex}: there is none with that index`);
  let { fd, arphrd } = openBound(interfaceIndex, SOCK_RAW);
  const hasLinkHeader = isEthernet(arphrd);
  if (!hasLinkHeader) {
    closeDescriptor(fd);
    ({ fd, arphrd } = openBound(interfaceIndex, SOCK_DGRAM));
  }
  let mapping: Mapping | null = null;
  try {
    const program = options.filter(name, hasLinkHeader);
    if (program !== null) attachFilter(fd, program);
    setSocketOption(fd, SOL_PACKET, PacketOption.version, TPACKET_V3, 'use version 3 of the packet ring');
    const ringMb = (shape.blockBytes * shape.blockCount) / MEBIBYTE;
    setSocketOption(
      fd,
      SOL_PACKET,
      PacketOption.rxRing,
      ringRequest(shape, options.retireMs),
      `allocate a packet ring of ${ringMb} MiB`,
      { ENOMEM: 'not enough memory; make RING_MB smaller', EINVAL: 'this kernel refuses its size; change RING_MB' },
    );
    mapping = mapShared(fd, shape.blockBytes * shape.blockCount, 'map the packet ring', {
      EAGAIN: 'not enough memory that may be locked',
    });
    const loopback = arphrd === Arphrd.loopback;
    // Loopback shows every frame twice. Kernels before 4.20 cannot leave one out; the reader drops it then.
    if (loopback) trySocketOption(fd, SOL_PACKET, PacketOption.ignoreOutgoing, 1);
    bindSocket(fd, packetAddress(interfaceIndex, ETH_P_ALL), `listen on ${name}`);
    return { fd, mapping, interfaceName: name, hasLinkHeader, loopback };
  } catch (error) {
    if (mapping !== null) retireMapping(mapping);
    closeDescriptor(fd);
    throw error;
  }
}

/** Gives back what `openPacketSocket` opened. */
export function closePacketSocket({ mapping, fd }: PacketSocket): void {
  everyStep(
    () => retireMapping(mapping),
    () => closeDescriptor(fd),
  );
}

/** True when frames of the interface begin with an Ethernet header. Throws `SystemError`: no rights, no interface. */
export function hasEthernetHeader(interfaceIndex: number): boolean {
  const { fd, arphrd } = openBound(interfaceIndex, SOCK_RAW);
  closeDescriptor(fd);
  return isEthernet(arphrd);
}

function isEthernet(arphrd: number): boolean {
  return arphrd === Arphrd.ethernet || arphrd === Arphrd.loopback;
}

/** A packet socket that belongs to the interface but takes nothing yet (protocol 0), and the interface's ARPHRD. */
function openBound(interfaceIndex: number, type: number): { fd: number; arphrd: number } {
  const fd = openSocket(AF_PACKET, type, 0, 'open a packet socket', RIGHTS);
  try {
    bindSocket(fd, packetAddress(interfaceIndex, 0), `bind a packet socket to interface ${interfaceIndex}`);
    const address = Buffer.alloc(SOCKADDR_LL_BYTES);
    if (!socketName(fd, address)) throw new Error(`Cannot tell the kind of interface ${interfaceIndex}`);
    return { fd, arphrd: address.readUInt16LE(SLL_HATYPE_OFFSET) };
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/** Lets the socket see only the frames that the program accepts, from now on. Throws `SystemError`. */
export function attachFilter(fd: number, program: FilterProgram): void {
  const fprog = Buffer.alloc(16); // struct sock_fprog { unsigned short len; struct sock_filter *filter; }
  fprog.writeUInt16LE(program.instructionCount, 0);
  fprog.writeBigUInt64LE(addressOf(program.instructions), 8);
  setSocketOption(fd, SOL_SOCKET, SO_ATTACH_FILTER, fprog, 'attach the capture filter', {
    EINVAL: 'the kernel does not take this program; simplify PCAP_FILTER',
    ENOMEM: 'the program is too long; simplify PCAP_FILTER',
  });
}

/**
 * False once the interface of the socket was deleted: the kernel then takes it off the socket. Looks at the socket and
 * not at the interface's index, so that it is right in any network namespace and when the index is used again.
 */
export function isInterfaceThere(fd: number): boolean {
  const address = Buffer.alloc(SOCKADDR_LL_BYTES);
  return socketName(fd, address) && address.readInt32LE(SLL_IFINDEX_OFFSET) > 0;
}

/** Frames the kernel dropped for want of room since this was last asked: reading resets it (packet(7)). */
export function takeDrops(fd: number): number {
  const statistics = Buffer.alloc(12); // struct tpacket_stats_v3: packets, drops, freezes
  socketOption(fd, SOL_PACKET, PacketOption.statistics, statistics, statistics.length);
  return statistics.readUInt32LE(4);
}
