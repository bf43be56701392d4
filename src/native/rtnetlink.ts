import { answeredErrno, findAttribute, HEADER_BYTES, NetlinkSocket, NLM_F_REQUEST, writeHeader } from './netlink.ts';

/*
 * What rtnetlink(7) knows of links and of network namespaces, seen from the agent's own namespace. Numbers are those of
 * linux/rtnetlink.h, linux/if_link.h and linux/net_namespace.h.
 */

export const NETLINK_ROUTE = 0;
const RTM_GETLINK = 18;
const RTM_GETNSID = 90;

/** Bytes of `struct ifinfomsg`; attributes follow. */
export const IFINFOMSG_BYTES = 16;
const IFINFOMSG_INDEX_OFFSET = 4;
const IFLA_LINK = 5;
const IFLA_LINKINFO = 18;
const IFLA_EXT_MASK = 29;
const IFLA_LINK_NETNSID = 37;
const IFLA_INFO_KIND = 1;
/** Of IFLA_EXT_MASK: without statistics. */
const RTEXT_FILTER_SKIP_STATS = 8;

const RTGENMSG_BYTES = 4; // one byte, and padding
const NETNSA_NSID = 1;
const NETNSA_FD = 3;
/** A namespace that the agent's has no number for. */
const NSID_NOT_ASSIGNED = -1;

const ATTRIBUTE_BYTES = 8; // header and a 32-bit value

/** An interface that is one end of a pair. */
export interface PairedLink {
  /** Kind of the interface, e.g. `veth`; empty for one without a kind. */
  readonly kind: string;
  /** Index of the other end, in its namespace; 0 when there is none. */
  readonly peerIndex: number;
  /** Number that the agent's namespace has for that of the other end; null when it is the same namespace. */
  readonly peerNamespaceId: number | null;
}

/** Asks the kernel about links and namespaces. To be closed. */
export class RouteSocket {
  readonly #socket = new NetlinkSocket(NETLINK_ROUTE, 'ask the kernel about network interfaces');
  readonly #buffer = new Uint8Array(32_768);
  readonly #view = new DataView(this.#buffer.buffer);

  /** What is at the other end of an interface; null when there is no such interface. Throws `SystemError`. */
  pairedLink(interfaceIndex: number): PairedLink | null {
    const lengthBytes = HEADER_BYTES + IFINFOMSG_BYTES + ATTRIBUTE_BYTES;
    const view = this.#request(lengthBytes, RTM_GETLINK);
    view.setInt32(HEADER_BYTES + IFINFOMSG_INDEX_OFFSET, interfaceIndex, true);
    this.#writeAttribute(HEADER_BYTES + IFINFOMSG_BYTES, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    const end = this.#ask(lengthBytes);
    if (end === 0) return null;
    const begin = HEADER_BYTES + IFINFOMSG_BYTES;
    return {
      kind: this.#kind(begin, end),
      peerIndex: this.#number(begin, end, IFLA_LINK) ?? 0,
      peerNamespaceId: this.#number(begin, end, IFLA_LINK_NETNSID),
    };
  }

  /** Number that the agent's namespace has for another one, given as a descriptor; null when it has none. */
  namespaceId(fd: number): number | null {
    const lengthBytes = HEADER_BYTES + RTGENMSG_BYTES + ATTRIBUTE_BYTES;
    this.#request(lengthBytes, RTM_GETNSID);
    this.#writeAttribute(HEADER_BYTES + RTGENMSG_BYTES, NETNSA_FD, fd);
    const id = this.#number(HEADER_BYTES + RTGENMSG_BYTES, this.#ask(lengthBytes), NETNSA_NSID);
    return id === NSID_NOT_ASSIGNED ? null : id;
  }

  close(): void {
    this.#socket.close();
  }

  #request(lengthBytes: number, type: number): DataView {
    this.#buffer.fill(0, 0, lengthBytes);
    writeHeader(this.#view, lengthBytes, type, NLM_F_REQUEST);
    return this.#view;
  }

  #writeAttribute(offset: number, type: number, value: number): void {
    this.#view.setUint16(offset, ATTRIBUTE_BYTES, true);
    this.#view.setUint16(offset + 2, type, true);
    this.#view.setInt32(offset + 4, value, true);
  }

  /** Sends the request in the buffer; where its answer ends there, 0 when it failed. */
  #ask(lengthBytes: number): number {
    this.#socket.send(this.#buffer.subarray(0, lengthBytes));
    const received = this.#socket.receive(this.#buffer);
    return answeredErrno(this.#view, received) === 0 ? received : 0;
  }

  #number(begin: number, end: number, type: number): number | null {
    const attribute = findAttribute(this.#view, begin, end, type);
    return attribute === null || attribute.lengthBytes < 4 ? null : this.#view.getInt32(attribute.offset, true);
  }

  #kind(begin: number, end: number): string {
    const info = findAttribute(this.#view, begin, end, IFLA_LINKINFO);
    if (info === null) return '';
    const kind = findAttribute(this.#view, info.offset, info.offset + info.lengthBytes, IFLA_INFO_KIND);
    if (kind === null) return '';
    const text = Buffer.from(this.#buffer.subarray(kind.offset, kind.offset + kind.lengthBytes)).toString('latin1');
    return text.replace(/\0.*$/s, '');
  }
}
