import { statfs } from 'node:fs/promises';

/** Which volume is watched, from which floor on, and who wants to hear of it. */
export interface FreeSpaceOptions {
  /** Any directory of the volume. */
  readonly directory: string;
  /** Below this pcaps stop, and below half of it flow files; 0: never. */
  readonly minFreeBytes: number;
  /** Called with one line each time that something stops or goes on. */
  readonly onChange: (message: string) => void;
}

const LOOK_EVERY_MS = 2000;
/** What stopped goes on when this much more than its floor is free, so that it does not stop and go all the time. */
const MARGIN = 1.1;
const FLOW_SHARE = 1 / 2;

/**
 * Keeps an eye on the free space of a volume, so that what is least needed stops before the volume is full: other
 * pods of the node write there too. Events and the log are never stopped.
 */
export class FreeSpace {
  readonly #options: FreeSpaceOptions;
  #minFreeBytes: number;
  #timer: NodeJS.Timeout | null = null;
  #pcapsStopped = false;
  #flowsStopped = false;

  constructor(options: FreeSpaceOptions) {
    this.#options = options;
    this.#minFreeBytes = options.minFreeBytes;
  }

  /** Whether there is room for pcaps. True until the first look. */
  get allowsPcaps(): boolean {
    return !this.#pcapsStopped;
  }

  /** Whether there is room for lines of flow files. True until the first look. */
  get allowsFlows(): boolean {
    return !this.#flowsStopped;
  }

  /** Looks now, and from then on every two seconds. Never rejects. */
  async watch(): Promise<void> {
    this.#timer ??= setInterval(() => void this.look(), LOOK_EVERY_MS);
    await this.look();
  }

  /** Ends the watch. */
  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Changes the floor; it counts from the next look on. */
  setMinFreeBytes(minFreeBytes: number): void {
    this.#minFreeBytes = minFreeBytes;
  }

  /** Looks how much is free. Never rejects: where nobody can say, what was known stands. */
  async look(): Promise<void> {
    let freeBytes: number;
    try {
      const { bavail, bsize } = await statfs(this.#options.directory);
      freeBytes = bavail * bsize;
    } catch {
      return; // the directory is gone: the next line that is written makes it again, or says why not
    }
    const floor = this.#minFreeBytes;
    const pcapsStopped = isShort(freeBytes, floor, this.#pcapsStopped);
    const flowsStopped = isShort(freeBytes, floor * FLOW_SHARE, this.#flowsStopped);
    if (pcapsStopped !== this.#pcapsStopped) this.#tell('pcaps', pcapsStopped, freeBytes, floor);
    if (flowsStopped !== this.#flowsStopped) this.#tell('flow files', flowsStopped, freeBytes, floor * FLOW_SHARE);
    this.#pcapsStopped = pcapsStopped;
    this.#flowsStopped = flowsStopped;
  }

  #tell(what: string, stopped: boolean, freeBytes: number, floorBytes: number): void {
    const { directory, onChange } = this.#options;
    const free = `${freeBytes} bytes are free on the volume of ${directory}`;
    onChange(
      stopped
        ? `Cannot write ${what} any longer: ${free}, fewer than ${floorBytes}; make room, or lower MIN_FREE_MB`
        : `${what} are written again: ${free}`,
    );
  }
}

function isShort(freeBytes: number, floorBytes: number, wasShort: boolean): boolean {
  return freeBytes < floorBytes * (wasShort ? MARGIN : 1);
}
