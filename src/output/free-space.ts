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

/** Below this share of a volume's inodes, and within these bounds, the same stops as for lack of bytes. */
const INODE_SHARE = 0.05;
const LEAST_INODES = 16;
const MOST_INODES = 10_000;
const LOOK_EVERY_MS = 2000;
/** What stopped goes on when this much more than its floor is free, so that it does not stop and go all the time. */
const MARGIN = 1.1;
const FLOW_SHARE = 1 / 2;

/** How much of one kind there is on the volume, and below what pcaps stop. */
interface Stock {
  readonly free: number;
  readonly floor: number;
  readonly unit: string;
  readonly advice: string;
}

/**
 * Keeps an eye on the free space and the free inodes of a volume, so that what is least needed stops before the volume is full: other
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
    let stocks: readonly Stock[];
    try {
      const { bavail, bsize, files, ffree } = await statfs(this.#options.directory);
      stocks = [bytesOf(bavail * bsize, this.#minFreeBytes), inodesOf(ffree, files, this.#minFreeBytes > 0)];
    } catch {
      return; // the directory is gone: the next line that is written makes it again, or says why not
    }
    this.#pcapsStopped = this.#checkStock('pcaps', stocks, 1, this.#pcapsStopped);
    this.#flowsStopped = this.#checkStock('flow files', stocks, FLOW_SHARE, this.#flowsStopped);
  }

  /** Whether something is to stop; tells when that has changed. */
  #checkStock(what: string, stocks: readonly Stock[], share: number, wasStopped: boolean): boolean {
    const { directory, onChange } = this.#options;
    const short = stocks.find(({ free, floor }) => isShort(free, floor * share, wasStopped));
    const isStopped = short !== undefined;
    if (isStopped === wasStopped) return isStopped;
    const { free, floor, unit, advice } = short ?? (stocks[0] as Stock);
    const left = `${free} ${unit} are free on the volume of ${directory}`;
    onChange(
      isStopped
        ? `Cannot write ${what} any longer: ${left}, fewer than ${floor * share}; ${advice}`
        : `${what} are written again: ${left}`,
    );
    return isStopped;
  }
}

function bytesOf(free: number, floor: number): Stock {
  return { free, floor, unit: 'bytes', advice: 'make room, or lower MIN_FREE_MB' };
}

/** A volume that makes inodes as they are needed says that it has none at all. */
function inodesOf(free: number, total: number, isWatched: boolean): Stock {
  const floor = Math.min(MOST_INODES, Math.max(LEAST_INODES, Math.floor(total * INODE_SHARE)));
  const advice = 'remove files from it, or lower MAX_PCAPS';
  return { free, floor: isWatched && total > 0 ? floor : 0, unit: 'inodes', advice };
}

function isShort(freeBytes: number, floorBytes: number, wasShort: boolean): boolean {
  return freeBytes < floorBytes * (wasShort ? MARGIN : 1);
}
