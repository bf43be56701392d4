import { type PodInterface, type PodNamespace, resolvePodNamespace } from './pod-namespace.ts';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5000;
/** Of the time, at most this part is spent on looking. */
const LOOKING_SHARE = 0.1;
/** When connections were seen and the search is still without success after this long, people should know. */
const TELL_AFTER_MS = 10_000;

/** What is looked for, and who hears of it. */
export interface PodNamespaceRetryOptions {
  readonly pod: PodInterface;
  /** Called once, when the namespace is found. */
  readonly found: (namespace: PodNamespace) => void;
  /** Given what people should know. */
  readonly note: (message: string) => void;
  /** Told what `found` and `note` throw. */
  readonly fail: (error: unknown) => void;
}

/** Looks for a pod's network namespace until somebody lives in it. */
export class PodNamespaceRetry {
  readonly #options: PodNamespaceRetryOptions;
  #timer: NodeJS.Timeout | null = null;
  #retryMs = FIRST_RETRY_MS;
  #soonestMs = FIRST_RETRY_MS;
  #looking = false;
  #stopped = false;
  #missedSinceMs = Number.NaN;
  #told = false;

  constructor(options: PodNamespaceRetryOptions) {
    this.#options = options;
  }

  start(): void {
    if (!this.#stopped) this.#lookNow();
  }

  /** Somebody in the pod has a connection: it is worth looking again soon. */
  retrySoon(): void {
    if (Number.isNaN(this.#missedSinceMs)) this.#missedSinceMs = performance.now();
    if (this.#timer === null || this.#retryMs === this.#soonestMs) return;
    clearTimeout(this.#timer);
    this.#retryMs = this.#soonestMs;
    this.#lookLater();
  }

  close(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #lookLater(): void {
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#lookNow();
    }, this.#retryMs);
  }

  #lookNow(): void {
    this.#look().catch(this.#options.fail);
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const beganMs = performance.now();
    let namespace: PodNamespace | null = null;
    let reason = 'no process of it can be seen; on a node the agent needs hostPID: true, and CAP_SYS_PTRACE';
    try {
      namespace = await resolvePodNamespace(this.#options.pod);
    } catch (error) {
      reason = (error as Error).message;
    }
    this.#looking = false;
    if (this.#stopped) return;
    if (namespace !== null) {
      this.#options.found(namespace);
      return;
    }
    if (performance.now() - this.#missedSinceMs > TELL_AFTER_MS) this.#tell(reason);
    this.#soonestMs = Math.max(FIRST_RETRY_MS, (performance.now() - beganMs) / LOOKING_SHARE);
    this.#retryMs = Math.max(this.#soonestMs, Math.min(2 * this.#retryMs, LONGEST_RETRY_MS));
    this.#lookLater();
  }

  #tell(reason: string): void {
    if (this.#told) return;
    this.#told = true;
    this.#options.note(`Cannot name the pod's processes yet: ${reason}`);
  }
}
