import koffi from 'koffi';

/** What koffi hands to the callback of a poll handle: a libuv status, negative for an error of the descriptor. */
type PollCallback = (status: number) => void;

/** The part of koffi's poll handle that is used here; its own declaration leaves the status out. */
interface PollHandle {
  start(callback: PollCallback): void;
  stop(): void;
  close(): void;
}

/**
 * Waits for a descriptor to become readable in the event loop's own epoll: any number of descriptors cost neither a
 * thread nor a system call while nothing happens. Level-triggered: `onEvent` is called again and again until the
 * descriptor is read or `stop()` is called.
 */
export class DescriptorWatch {
  readonly #handle: PollHandle;
  readonly #callback: PollCallback;
  #running = true;

  /**
   * @param fd stays the caller's; close the watch first
   * @param onEvent called with true when the descriptor is readable, with false when it reports an error; after an
   * error the watch has stopped and waits for `start()`
   */
  constructor(fd: number, onEvent: (readable: boolean) => void) {
    this.#callback = (status) => {
      if (status < 0) this.#running = false;
      onEvent(status >= 0);
    };
    this.#handle = koffi.node.poll(fd, this.#callback as never) as unknown as PollHandle;
  }

  /** Watches on after `stop()` or an error. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#handle.start(this.#callback);
  }

  stop(): void {
    if (!this.#running) return;
    this.#running = false;
    this.#handle.stop();
  }

  /** Ends it for good; it no longer keeps the process alive. Must come before the descriptor is closed. */
  close(): void {
    this.#running = false;
    this.#handle.close();
  }
}
