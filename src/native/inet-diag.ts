import {
  answeredErrno,
  answeredSequence,
  HEADER_BYTES,
  messages,
  messageType,
  NetlinkSocket,
  NLM_F_REQUEST,
  writeHeader,
} from './netlink.ts';

/*
 * Which TCP sockets there are (sock_diag(7), linux/inet_diag.h): the kernel looks one up by its endpoints as it does
 * for a packet, without going through a table.
 */

const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
const NLM_F_DUMP = 0x300;
const NLMSG_DONE = 3;
const IPPROTO_TCP = 6;
export const AF_INET = 2;
const AF_INET6 = 10;

/** `struct inet_diag_req_v2`, at these offsets from its begin. */
const REQUEST_BYTES = 56;
const REQUEST_PROTOCOL = 1;
const REQUEST_STATES = 4;
const REQUEST_ID = 8;

/** `struct inet_diag_msg`, at these offsets from its begin. */
const MESSAGE_BYTES = 72;
const MESSAGE_FAMILY = 0;
const MESSAGE_STATE = 1;
const MESSAGE_ID = 4;
const MESSAGE_USER = 64;
const MESSAGE_INODE = 68;

/** `struct inet_diag_sockid`, at these offsets from its begin. Ports and addresses are in network order. */
const ID_LOCAL_PORT = 0;
const ID_REMOTE_PORT = 2;
const ID_LOCAL_ADDRESS = 4;
const ID_REMOTE_ADDRESS = 20;
const ID_COOKIE = 40;
const NO_COOKIE = 0xffff_ffff;
/** Where the cookie is in an answer. */
const COOKIE_OFFSET = HEADER_BYTES + MESSAGE_ID + ID_COOKIE;

const TCP_LISTEN = 10; // linux/net/tcp_states.h
/** All states in which a socket has a remote end and an owner: ESTABLISHED, SYN_SENT, FIN_WAIT1/2, CLOSE_WAIT, LAST_ACK, CLOSING. */
const CONNECTED_STATES = (1 << 1) | (1 << 2) | (1 << 4) | (1 << 5) | (1 << 8) | (1 << 9) | (1 << 11);

const ANSWER_BYTES = 32_768;

/** Both ends of a socket as the kernel tells them; valid until the next question. */
export interface SocketEnds {
  /** 4 or 6. */
  readonly ipVersion: number;
  readonly localPort: number;
  readonly remotePort: number;
  /** Inode number of the socket; 0 when no process has it. */
  readonly inode: number;
  /** 32 bits of an address in network order; word 0 is all of an IPv4 address. */
  localWord(word: number): number;
  remoteWord(word: number): number;
}

/** Asks for TCP sockets of the network namespace it was made in. To be closed. */
export class InetDiag {
  readonly #socket = new NetlinkSocket(NETLINK_SOCK_DIAG, 'ask the kernel about sockets');
  readonly #request = new Uint8Array(HEADER_BYTES + REQUEST_BYTES);
  readonly #requestView = new DataView(this.#request.buffer);
  readonly #answer = new Uint8Array(ANSWER_BYTES);
  readonly #answerView = new DataView(this.#answer.buffer);

  #sequence = 0;
  /** Eight bytes that tell the socket which `inode` found last from all others, as eBPF programs have them. */
  readonly cookie = this.#answer.subarray(COOKIE_OFFSET, COOKIE_OFFSET + 8);

  /** Begins a question: ends are 0 until `setLocal` and `setRemote` say them. `ipVersion` is 4 or 6. */
  begin(ipVersion: number): void {
    const view = this.#requestView;
    this.#request.fill(0);
    this.#sequence = (this.#sequence + 1) >>> 0;
    writeHeader(view, this.#request.length, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, this.#sequence);
    this.#request[HEADER_BYTES] = ipVersion === 4 ? AF_INET : AF_INET6;
    this.#request[HEADER_BYTES + REQUEST_PROTOCOL] = IPPROTO_TCP;
    view.setUint32(HEADER_BYTES + REQUEST_ID + ID_COOKIE, NO_COOKIE, true);
    view.setUint32(HEADER_BYTES + REQUEST_ID + ID_COOKIE + 4, NO_COOKIE, true);
  }

  setLocalPort(port: number): void {
    this.#requestView.setUint16(HEADER_BYTES + REQUEST_ID + ID_LOCAL_PORT, port);
  }

  setRemotePort(port: number): void {
    this.#requestView.setUint16(HEADER_BYTES + REQUEST_ID + ID_REMOTE_PORT, port);
  }

  /** Word 0 is all of an IPv4 address. */
  setLocalWord(word: number, value: number): void {
    this.#requestView.setUint32(HEADER_BYTES + REQUEST_ID + ID_LOCAL_ADDRESS + 4 * word, value);
  }

  setRemoteWord(word: number, value: number): void {
    this.#requestView.setUint32(HEADER_BYTES + REQUEST_ID + ID_REMOTE_ADDRESS + 4 * word, value);
  }

  /**
   * Looks for the socket that a packet from the remote to the local end would be given to: the connection's own, else
   * the listener's. Its inode number; 0 when no process has it (not accepted yet, or closed already); -1 when there is
   * none. Throws `SystemError` when the kernel cannot be asked.
   *
   * @param wanted `listener` accepts nothing but a listener, `connection` nothing but a connection's own socket
   */
  inode(wanted: 'connection' | 'listener'): number {
    this.#socket.send(this.#request);
    let received = 0;
    do {
      received = this.#socket.receive(this.#answer);
      if (received === 0) return -1;
    } while (answeredSequence(this.#answerView) !== this.#sequence); // left over from a question that failed
    const errno = answeredErrno(this.#answerView, received);
    if (errno !== 0 || received < HEADER_BYTES + MESSAGE_BYTES) return -1;
    const listens = this.#answer[HEADER_BYTES + MESSAGE_STATE] === TCP_LISTEN;
    if (listens !== (wanted === 'listener')) return -1;
    return this.#answerView.getUint32(HEADER_BYTES + MESSAGE_INODE, true);
  }

  /** User id of the owner of the socket that `inode` found last; it is only true of one that a process has. */
  get user(): number {
    return this.#answerView.getUint32(HEADER_BYTES + MESSAGE_USER, true);
  }

  /** All sockets that have a remote end and an owner, a few at a time as the kernel hands them out. */
  *connected(ipVersion: 4 | 6): Generator<SocketEnds> {
    this.begin(ipVersion);
    this.#requestView.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, true);
    this.#requestView.setUint32(HEADER_BYTES + REQUEST_STATES, CONNECTED_STATES, true);
    this.#socket.send(this.#request);
    const view = this.#answerView;
    for (;;) {
      const received = this.#socket.receive(this.#answer);
      if (received === 0) return;
      for (const at of messages(view, received)) {
        const lengthBytes = view.getUint32(at, true);
        if (messageType(view, at) === NLMSG_DONE || lengthBytes < HEADER_BYTES + MESSAGE_BYTES) return;
        yield this.#ends(at + HEADER_BYTES);
      }
    }
  }

  close(): void {
    this.#socket.close();
  }

  #ends(message: number): SocketEnds {
    const view = this.#answerView;
    const id = message + MESSAGE_ID;
    return {
      ipVersion: this.#answer[message + MESSAGE_FAMILY] === AF_INET ? 4 : 6,
      localPort: view.getUint16(id + ID_LOCAL_PORT),
      remotePort: view.getUint16(id + ID_REMOTE_PORT),
      inode: view.getUint32(message + MESSAGE_INODE, true),
      localWord: (word) => view.getUint32(id + ID_LOCAL_ADDRESS + 4 * word),
      remoteWord: (word) => view.getUint32(id + ID_REMOTE_ADDRESS + 4 * word),
    };
  }
}
