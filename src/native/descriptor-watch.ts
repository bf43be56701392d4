import koffi from 'koffi';

/** What koffi hands to the callback of a poll handle: a libuv status, negative for an error of the descriptor. */
type PollCallback = (status: number) => void;

/** The part of koffi's poll handle that is used here; its own declaration leaves the status out. */
interface PollHandle {
  start(callback: PollCallback): void;
  stop(): void;
  close(): void;
}

/** Nothing to be done: entering it is what counts. */
const nothing = () => undefined;

/**
 * Waits for a descriptor to become readable in the event loop's own epoll: any number of descriptors cost neither a
 * thread nor a system call while nothing happens. Level-triggered: `onEvent` is called again and again until the
 * descriptor is read or `stop()` is called.
 */
export class DescriptorWatch {
  readonly #fd: number;
  readonly #callback: PollCallback;
  #handle: PollHandle | null = null;
  #running = false;
  #closed = false;

  /**
   * @param fd stays the caller's; close the watch first
   * @param onEvent called with true when the descriptor is readable, with false when it reports an error; after an
   * error the watch has stopped and waits for `start()`
   */
  constructor(fd: number, onEvent: (readable: boolean) => void) {
    this.#fd = fd;
    this.#callback = (status) => {
      if (status < 0) this.#running = false;
      // koffi calls without a callback scope, and since Node 26.4 nobody else runs the promise jobs that `onEvent` leaves
      // behind: they would wait for the next timer. An immediate is entered later in this same turn, and brings them.
      setImmediate(nothing);
      onEvent(status >= 0);
    };
  }

  /** Watches, also after `stop()` or an error; from then on it keeps the process alive. */
  start(): void {
    if (this.#running || this.#closed) return;
    this.#running = true;
    if (this.#handle !== null) this.#handle.start(this.#callback);
    else this.#handle = koffi.node.poll(this.#fd, this.#callback as never) as unknown as PollHandle;
  }

  stop(): void {
    if (!this.#running) return;
    this.#running = false;
    this.#handle?.stop();
  }

  /** Ends it for good; it no longer keeps the process alive. Must come before the descriptor is closed. Idempotent. */
  close(): void {
    this.#running = false;
    this.#closed = true;
    this.#handle?.close();
    this.#handle = null;
  }
}
