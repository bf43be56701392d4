import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const COOKIE = 'dlltagent';
const LOOPBACK = /^(::ffff:)?127\.|^::1$/;
/** Names under which a browser reaches loopback. Any other is a page elsewhere whose name was bent to it (DNS rebinding). */
const LOCAL_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;

/** What somebody who asks for the page gets: the page, the question for the token, or why not. */
export type Access = 'granted' | 'login' | 'noToken' | 'wrongHost';

/**
 * Decides who may see the live page: whoever reaches it on loopback, as `kubectl port-forward` does; elsewhere who knows
 * the token. Without a token nobody elsewhere.
 */
export class PageAccess {
  readonly #token: string;

  /** An empty token is none. */
  constructor(token: string) {
    this.#token = token;
  }

  accessOf({ socket, headers }: IncomingMessage): Access {
    if (LOOPBACK.test(socket.localAddress ?? '')) return LOCAL_HOST.test(headers.host ?? '') ? 'granted' : 'wrongHost';
    if (this.#token === '') return 'noToken';
    const [, cookie = ''] = new RegExp(`(?:^|;\\s*)${COOKIE}=([0-9a-f]{64})(?:;|$)`).exec(headers.cookie ?? '') ?? [];
    return isSame(cookie, this.#secret()) ? 'granted' : 'login';
  }

  /** The cookie for somebody who says a token; null when it is not the one. */
  cookieFor(token: string): string | null {
    if (this.#token === '' || !isSame(token, this.#token)) return null;
    return `${COOKIE}=${this.#secret()}; HttpOnly; SameSite=Strict; Path=/`;
  }

  #secret(): string {
    return createHash('sha256').update(`dlltagent ${this.#token}`).digest('hex');
  }
}

/** Compares without telling by its time where two texts differ. */
function isSame(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(left, right);
}
