import { isInterfaceThere } from './packet-socket.ts';

/** How soon after the link went down, then how often, it is looked whether the interface still exists. */
const FIRST_MS = 20;
const LONGEST_MS = 500;

/**
 * Finds out whether an interface whose link went down was deleted: the kernel says ENETDOWN in both cases. A link that
 * comes up again goes on by itself; that the interface was deleted after it went down, nobody says. So it is looked from
 * time to time, for as long as the capture is open: frames that were on their way are no sign that the link is up again.
 */
export class LinkCheck {
  readonly #fd: number;
  readonly #lastFramesMs: number;
  readonly #onGone: () => void;
  #timer: NodeJS.Timeout | undefined;
  #waitMs = FIRST_MS;

  /** `fd` is the caller's packet socket. `onGone` is called once, `lastFramesMs` after it was seen. */
  constructor(fd: number, lastFramesMs: number, onGone: () => void) {
    this.#fd = fd;
    this.#lastFramesMs = lastFramesMs;
    this.#onGone = onGone;
  }

  /** The link went down: looks soon, then less and less often. */
  begin(): void {
    this.#waitMs = FIRST_MS;
    this.#later();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #later(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (!isInterfaceThere(this.#fd)) {
        this.#timer = setTimeout(this.#onGone, this.#lastFramesMs);
        return;
      }
      this.#waitMs = Math.min(2 * this.#waitMs, LONGEST_MS);
      this.#later();
    }, this.#waitMs);
  }
}
