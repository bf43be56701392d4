import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

const COOKIE = 'dlltagent';
const LOOPBACK = /^(::ffff:)?127\.|^::1$/;
/** Names under which a browser reaches loopback. Any other is a page elsewhere whose name was bent to it (DNS rebinding). */
const LOCAL_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;
/** How long the key of the link on the console can be used. */
const KEY_MS = 600_000;

/** What somebody who asks for the page gets: the page, the question for the token, or why not. */
export type Access = 'granted' | 'login' | 'noToken' | 'wrongHost';

/** Who may see the live page. */
export interface PageAccessOptions {
  /** What has to be said; null: nothing on loopback, and elsewhere nobody sees the page. */
  readonly token: string | null;
  /** Stands for the token once, within ten minutes; none when absent. */
  readonly key?: string;
  /** Whether the process at the other end of a connection is the agent's own user, in its network namespace. */
  readonly isOwnUser: (socket: Socket) => boolean;
}

/**
 * Decides who may see the live page: who knows the token, and on loopback the agent's own user without it (so does
 * `kubectl port-forward`, which ends in the agent's network namespace). That a connection came in on loopback alone says
 * nothing: with `route_localnet` pods reach it, and all users of the machine do.
 */
export class PageAccess {
  readonly #token: string | null;
  readonly #isOwnUser: (socket: Socket) => boolean;
  readonly #keyEndsMs = performance.now() + KEY_MS;
  #key: string | null;

  constructor({ token, key, isOwnUser }: PageAccessOptions) {
    this.#token = token;
    this.#key = key ?? null;
    this.#isOwnUser = isOwnUser;
  }

  accessOf({ socket, headers }: IncomingMessage): Access {
    if (this.#hasCookie(headers.cookie ?? '')) return 'granted';
    const isTrusted = LOOPBACK.test(socket.localAddress ?? '') && (this.#token === null || this.#isOwnUser(socket));
    if (isTrusted) return LOCAL_HOST.test(headers.host ?? '') ? 'granted' : 'wrongHost';
    return this.#token === null ? 'noToken' : 'login';
  }

  /** The cookie for somebody who says a token; null when it is not the one. */
  cookieFor(token: string): string | null {
    return this.#token !== null && isSame(token, this.#token) ? this.#cookie(this.#token) : null;
  }

  /** The cookie for somebody who says the key, which is of no use afterwards; null when it is not the one. */
  cookieForKey(key: string): string | null {
    if (this.#token === null || this.#key === null || performance.now() > this.#keyEndsMs) return null;
    if (!isSame(key, this.#key)) return null;
    this.#key = null;
    return this.#cookie(this.#token);
  }

  #hasCookie(cookies: string): boolean {
    if (this.#token === null) return false;
    const [, cookie = ''] = new RegExp(`(?:^|;\\s*)${COOKIE}=([0-9a-f]{64})(?:;|$)`).exec(cookies) ?? [];
    return isSame(cookie, secretOf(this.#token));
  }

  #cookie(token: string): string {
    return `${COOKIE}=${secretOf(token)}; HttpOnly; SameSite=Strict; Path=/`;
  }
}

function secretOf(token: string): string {
  return createHash('sha256').update(`dlltagent ${token}`).digest('hex');
}

/** Compares without telling by its time where two texts differ. */
function isSame(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(left, right);
}
