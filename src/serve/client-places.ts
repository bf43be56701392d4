import type { Server, ServerResponse } from 'node:http';
import { isIPv6, type Socket } from 'node:net';

/** Bounds of what all clients of one listening address may hold at the same time, and for how long. */
export interface ClientLimits {
  /** Connections that have not sent a whole request yet. */
  readonly mostWaiting: number;
  /** Answers under way, those to probes left out. */
  readonly mostAnswers: number;
  /** The same for one client address. */
  readonly mostAnswersOfAddress: number;
  /** A request that is not whole after this long is given up. */
  readonly requestMs: number;
  /** An answer of which the client takes nothing for this long is given up. */
  readonly idleMs: number;
  /** An answer that is not taken whole after this long is given up; pages and pcaps say their own limit. */
  readonly answerMs: number;
}

export const CLIENT_LIMITS: ClientLimits = {
  mostWaiting: 128,
  mostAnswers: 32,
  mostAnswersOfAddress: 16,
  requestMs: 5_000,
  idleMs: 10_000,
  answerMs: 30_000,
};

/**
 * Shares the places of one listening address among its clients. A new connection is always accepted: when too many have
 * no request yet, the oldest of the address that has most of them is closed. So a probe, which sends its request with
 * the connection, is answered whatever others do. All other answers are bounded in number, in all and per address.
 */
export class ClientPlaces {
  readonly #limits: ClientLimits;
  /** Connections without a whole request, the oldest first, with the client's address. */
  readonly #waiting = new Map<Socket, string>();
  /** Answers under way by client address. */
  readonly #answers = new Map<string, number>();
  #answerCount = 0;

  constructor(limits: ClientLimits) {
    this.#limits = limits;
  }

  /** Minds the connections of a server from now on. */
  watch(server: Server): void {
    server.timeout = this.#limits.idleMs;
    server.on('connection', (socket) => this.#arrive(socket));
  }

  /** A connection has sent its request: it is not closed to make room any more. */
  requested(socket: Socket): void {
    this.#waiting.delete(socket);
  }

  /**
   * Takes a place for an answer until that is closed, after `longestMs` at the latest (Infinity: no limit but the idle
   * one). False when there is none.
   */
  take(response: ServerResponse, socket: Socket, longestMs = this.#limits.answerMs): boolean {
    const { mostAnswers, mostAnswersOfAddress } = this.#limits;
    const address = addressKey(socket);
    const count = this.#answers.get(address) ?? 0;
    if (this.#answerCount >= mostAnswers || count >= mostAnswersOfAddress) return false;
    this.#answerCount++;
    this.#answers.set(address, count + 1);
    const deadline = Number.isFinite(longestMs) ? setTimeout(() => socket.destroy(), longestMs) : undefined;
    response.once('close', () => {
      clearTimeout(deadline);
      this.#release(address);
    });
    return true;
  }

  #release(address: string): void {
    this.#answerCount--;
    const left = (this.#answers.get(address) ?? 1) - 1;
    if (left === 0) this.#answers.delete(address);
    else this.#answers.set(address, left);
  }

  #arrive(socket: Socket): void {
    this.#waiting.set(socket, addressKey(socket));
    const deadline = setTimeout(() => {
      if (this.#waiting.has(socket)) socket.destroy();
    }, this.#limits.requestMs);
    socket.once('close', () => {
      clearTimeout(deadline);
      this.#waiting.delete(socket);
    });
    if (this.#waiting.size > this.#limits.mostWaiting) this.#closeOldestOfGreediest();
  }

  #closeOldestOfGreediest(): void {
    const counts = new Map<string, number>();
    for (const address of this.#waiting.values()) counts.set(address, (counts.get(address) ?? 0) + 1);
    let victim: Socket | null = null;
    let most = 0;
    for (const [socket, address] of this.#waiting) {
      const count = counts.get(address) ?? 0;
      if (count <= most) continue;
      most = count;
      victim = socket;
    }
    if (victim === null) return;
    this.#waiting.delete(victim);
    victim.destroy();
  }
}

/** What a client is counted under: its address; of an IPv6 address the first four groups, as a host has 2^64 of them. */
function addressKey({ remoteAddress = '' }: Socket): string {
  const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/i, '');
  return isIPv6(address) ? address.split(':').slice(0, 4).join(':') : address;
}
