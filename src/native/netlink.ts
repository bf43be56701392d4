import { SystemError } from './errno.ts';
import {
  bindSocket,
  closeDescriptor,
  openSocket,
  receiveDatagram,
  SOCK_RAW,
  SOL_SOCKET,
  sendDatagram,
  trySocketOption,
} from './libc.ts';

/*
 * Netlink (netlink(7), linux/netlink.h): messages of a header and attributes, in the machine's byte order. Requests
 * are worked off while they are sent, so their answers have arrived when `send` returns: nothing here waits.
 */

const AF_NETLINK = 16;
const SOCKADDR_NL_BYTES = 12;
const NL_GROUPS_OFFSET = 8;
const SO_RCVBUFFORCE = 33;
const RECEIVE_BUFFER_BYTES = 1 << 20;

/** Bytes of `struct nlmsghdr`; what a message carries follows. */
export const HEADER_BYTES = 16;

/** Bits of `nlmsg_flags`. */
export const NLM_F_REQUEST = 0x1;

/** `nlmsg_type` of the answer to a request that failed: an errno, negative, follows. */
const NLMSG_ERROR = 2;

const ATTRIBUTE_HEADER_BYTES = 4;
/** Takes the flags off an attribute's type (NLA_TYPE_MASK). */
const ATTRIBUTE_TYPE_MASK = 0x3fff;

/** Messages and attributes begin at multiples of four bytes. */
const align = (lengthBytes: number) => (lengthBytes + 3) & ~3;

/** A netlink socket; it stays in the network namespace it was opened in. */
export class NetlinkSocket {
  /** To wait for messages with; stays the socket's. */
  readonly fd: number;
  readonly #action: string;

  /**
   * @param protocol e.g. NETLINK_ROUTE
   * @param action what it is for, as in `Cannot <action>`
   * @param groups bits of the multicast groups whose messages come in, e.g. RTMGRP_LINK
   * @throws SystemError
   */
  constructor(protocol: number, action: string, groups = 0) {
    this.#action = action;
    this.fd = openSocket(AF_NETLINK, SOCK_RAW, protocol, action);
    const address = new Uint8Array(SOCKADDR_NL_BYTES);
    new DataView(address.buffer).setUint16(0, AF_NETLINK, true);
    new DataView(address.buffer).setUint32(NL_GROUPS_OFFSET, groups, true);
    try {
      bindSocket(this.fd, address, action);
    } catch (error) {
      closeDescriptor(this.fd);
      throw error;
    }
    trySocketOption(this.fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES);
  }

  /** Sends one or several whole messages. Throws `SystemError`. */
  send(messages: Uint8Array): void {
    sendDatagram(this.fd, messages, this.#action);
  }

  /** Takes the next datagram of answers into `buffer`: its length in bytes; 0 when there is none. Throws `SystemError`. */
  receive(buffer: Uint8Array): number {
    try {
      return receiveDatagram(this.fd, buffer, this.#action);
    } catch (error) {
      if (error instanceof SystemError && error.code === 'EAGAIN') return 0;
      throw error;
    }
  }

  close(): void {
    closeDescriptor(this.fd);
  }
}

/** Writes the header of a message that begins at offset 0. `lengthBytes` is that of the whole message. */
export function writeHeader(view: DataView, lengthBytes: number, type: number, flags: number, sequence = 0): void {
  view.setUint32(0, lengthBytes, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  view.setUint32(12, 0, true);
}

/** The sequence number of the request that the message at offset 0 answers. */
export function answeredSequence(view: DataView): number {
  return view.getUint32(8, true);
}

/** The `nlmsg_type` of the message that begins at an offset. */
export function messageType(view: DataView, at: number): number {
  return view.getUint16(at + 4, true);
}

/** The errno that an answer carries; 0 when it is no failure. `length` is that of the datagram. */
export function answeredErrno(view: DataView, lengthBytes: number): number {
  if (lengthBytes < HEADER_BYTES + 4 || messageType(view, 0) !== NLMSG_ERROR) return 0;
  return -view.getInt32(HEADER_BYTES, true);
}

/** Offsets at which the messages of a datagram begin; what is cut off is left out. */
export function* messages(view: DataView, lengthBytes: number): Generator<number> {
  for (let at = 0; at + HEADER_BYTES <= lengthBytes; ) {
    const messageBytes = view.getUint32(at, true);
    if (messageBytes < HEADER_BYTES || at + messageBytes > lengthBytes) return;
    yield at;
    at += align(messageBytes);
  }
}

/** Where the value of an attribute is. */
export interface Attribute {
  readonly offset: number;
  readonly lengthBytes: number;
}

/** The attribute of a type among those between two offsets; null when it is not there or cut off. */
export function findAttribute(view: DataView, begin: number, end: number, type: number): Attribute | null {
  for (let at = begin; at + ATTRIBUTE_HEADER_BYTES <= end; ) {
    const lengthBytes = view.getUint16(at, true);
    if (lengthBytes < ATTRIBUTE_HEADER_BYTES || at + lengthBytes > end) return null;
    if ((view.getUint16(at + 2, true) & ATTRIBUTE_TYPE_MASK) === type) {
      return { offset: at + ATTRIBUTE_HEADER_BYTES, lengthBytes: lengthBytes - ATTRIBUTE_HEADER_BYTES };
    }
    at += align(lengthBytes);
  }
  return null;
}
