import type { Connection, Side } from '../model/connection.ts';
import { InetDiag } from '../native/inet-diag.ts';
import { inNetworkNamespace } from '../native/libc.ts';
import { connectionKey, NO_SOCKET, otherSide, type PodSockets, portOf } from './pod-sockets.ts';

/** Sockets told between two chances to stop. */
const SOCKETS_AT_ONCE = 256;

/** Looks sockets up in the kernel, one by one (sock_diag(7)): a few microseconds each, however many there are. */
export class DiagSockets implements PodSockets {
  readonly #diag: InetDiag;

  /** Use `open`. */
  constructor(diag: InetDiag) {
    this.#diag = diag;
  }

  /**
   * @param namespacePath the pod's network namespace; needed only now. The socket that is opened keeps the namespace
   * alive, and with it the pod's interface: to be closed when nothing is asked any more.
   * @throws SystemError when the namespace cannot be entered or the kernel cannot be asked
   */
  static open(namespacePath: string): DiagSockets {
    return new DiagSockets(inNetworkNamespace(namespacePath, () => new InetDiag()));
  }

  get cookie(): Uint8Array {
    return this.#diag.cookie;
  }

  connection(connection: Connection, side: Side): number {
    const other = otherSide(side);
    this.#begin(connection, side);
    for (let word = 0; word < 4; word++) this.#diag.setRemoteWord(word, connection.addressWord(other, word));
    this.#diag.setRemotePort(portOf(connection, other));
    return this.#diag.inode('connection');
  }

  listener(connection: Connection, side: Side): number {
    this.#begin(connection, side);
    return this.#diag.inode('listener') || NO_SOCKET;
  }

  *list(limit: number, into: Map<string, number>): Generator<void> {
    let told = 0;
    for (const ipVersion of [4, 6] as const) {
      for (const socket of this.#diag.connected(ipVersion)) {
        if (into.size >= limit) return;
        const { localPort, remotePort, localWord, remoteWord, inode } = socket;
        const key = connectionKey(socket.ipVersion, localPort, remotePort, localWord, remoteWord);
        if (inode > 0) into.set(key, inode);
        if (++told % SOCKETS_AT_ONCE === 0) yield;
      }
    }
  }

  close(): void {
    this.#diag.close();
  }

  #begin(connection: Connection, side: Side): void {
    this.#diag.begin(connection.ipVersion);
    for (let word = 0; word < 4; word++) this.#diag.setLocalWord(word, connection.addressWord(side, word));
    this.#diag.setLocalPort(portOf(connection, side));
  }
}
