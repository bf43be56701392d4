import { createRequire } from 'node:module';
import { DEFAULT_FILTER } from '../model/default-filter.ts';
import { everyStep } from '../model/every-step.ts';
import { Direction, type Frame } from '../model/frame.ts';
import { LinkType } from '../model/link-type.ts';
import { MEBIBYTE } from '../model/mebibyte.ts';
import { inNetworkNamespace, interfaceName } from '../native/libc.ts';
import { detachFromLink, openDescriptors } from './cap-socket.ts';
import { compileFilter, effectiveFilter } from './filter.ts';
import { FrameQueue } from './frame-queue.ts';
import { hasEthernetHeader } from './packet-socket.ts';
import type { CaptureCounters, LiveSource, SourceState } from './packet-source.ts';

/** How a capture with `cap` is opened. */
export interface CapOptions {
  readonly interfaceIndex: number;
  /** Network namespace of the interface, e.g. `/proc/1234/ns/net`; the agent's own when missing. */
  readonly namespacePath?: string;
  /** pcap-filter(7) expression; empty takes every frame. */
  readonly filter?: string;
  /** Room for frames that were not read yet, in MiB: libpcap's buffer and the queue have this size each. */
  readonly ringMb?: number;
}

/** The part of the package `cap` that is used here; it has no types of its own. */
interface Cap {
  open(device: string, filter: string, bufferBytes: number, frame: Buffer): string;
  close(): void;
  on(event: 'packet', listener: (lengthBytes: number, truncated: boolean) => void): void;
}

interface CapModule {
  readonly Cap: new () => Cap;
}

const DEFAULT_BUFFER_MB = 16;

/** Longest frame `cap` gives out: it opens libpcap with this snapshot length. */
const FRAME_BYTES = 65_535;

/** How often it is looked whether the interface still exists, in milliseconds. */
const LINK_CHECK_MS = 500;

/** How far the two clocks may drift apart before the difference is corrected, in milliseconds. */
const CLOCK_DRIFT_MS = 2;

/** What `cap` calls the link types that occur on Linux. */
const LINK_TYPES: ReadonlyMap<string, number> = new Map([
  ['ETHERNET', LinkType.ethernet],
  ['NULL', LinkType.null],
  ['LINKTYPE_LINUX_SLL', LinkType.linuxSll],
  ['RAW', LinkType.raw],
]);

/**
 * Objects of `cap` hold a handle of the event loop that must not be freed, and one that failed to open crashes when it
 * is: they are kept for good, a few hundred bytes each.
 */
const retained: Cap[] = [];

/** Time of day with microseconds: the monotonic clock, set by the wall clock whenever that was changed. */
class Clock {
  #offsetMs = performance.timeOrigin;

  nowUs(): number {
    const now = performance.now();
    const driftMs = Date.now() - (now + this.#offsetMs);
    if (Math.abs(driftMs) > CLOCK_DRIFT_MS) this.#offsetMs += driftMs;
    return (now + this.#offsetMs) * 1e3;
  }
}

/**
 * Starts a capture with the package `cap`. Throws when the package was not built, and when libpcap refuses: no rights,
 * no such interface, an expression with an error.
 */
export function openCapSource(options: CapOptions): CapSource {
  const { namespacePath } = options;
  return namespacePath === undefined ? open(options) : inNetworkNamespace(namespacePath, () => open(options));
}

function open(options: CapOptions): CapSource {
  const { interfaceIndex } = options;
  const name = interfaceName(interfaceIndex);
  if (name === null) throw new Error(`Cannot capture on interface ${interfaceIndex}: there is none with that index`);
  const { Cap } = loadCap();
  // Everything that can be wrong is looked for first: an object of cap that could not be opened cannot be closed.
  const linkType = hasEthernetHeader(interfaceIndex) ? LinkType.ethernet : LinkType.raw;
  const expression = effectiveFilter(options.filter ?? DEFAULT_FILTER, linkType);
  compileFilter(expression, linkType);
  const cap = new Cap();
  retained.push(cap);
  const frame = Buffer.alloc(FRAME_BYTES);
  const bufferBytes = (options.ringMb ?? DEFAULT_BUFFER_MB) * MEBIBYTE;
  const before = openDescriptors();
  let linkName: string;
  try {
    linkName = cap.open(name, expression, bufferBytes, frame);
  } catch (error) {
    throw new Error(`Cannot capture on ${name} with cap: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  try {
    const linkType = LINK_TYPES.get(linkName);
    if (linkType === undefined) throw new Error(`Cannot capture on ${name} with cap: its link type is ${linkName}`);
    detachFromLink(before, interfaceIndex);
    const source = new CapSource({ cap, frame, queue: new FrameQueue(bufferBytes), name, linkType, options });
    source.start();
    return source;
  } catch (error) {
    cap.close();
    throw error;
  }
}

function loadCap(): CapModule {
  try {
    return createRequire(import.meta.url)('cap') as CapModule;
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new Error(`Cannot load the package cap: ${reason}; build it with libpcap-dev, or use CAPTURE_BACKEND=ring`);
  }
}

/** What a source of `cap` is made of. */
export interface CapSourceParts {
  /** Open. */
  readonly cap: Cap;
  /** Where `cap` puts each frame. */
  readonly frame: Buffer;
  readonly queue: FrameQueue;
  readonly name: string;
  readonly linkType: number;
  readonly options: CapOptions;
}

/**
 * Frames from the package `cap`, for machines where the packet ring cannot be had. Each frame is copied when `cap`
 * hands it over. Frames have the time of day of that moment, no direction, and at most 65,535 bytes; VLAN tags are put
 * back into them. The kernel's drops are not known; `agentDrops` counts what found the queue full.
 */
export class CapSource implements LiveSource {
  readonly description: string;
  readonly interfaceName: string;
  /** It has none. */
  usesStore = true;

  readonly #cap: Cap;
  readonly #linkType: number;
  readonly #options: CapOptions;
  readonly #clock = new Clock();
  readonly #frame: Buffer;
  #linkTimer: NodeJS.Timeout | null = null;
  #queue: FrameQueue | null;
  #frames = 0;
  #wireBytes = 0;
  #drops = 0;
  #closed = false;
  #gone = false;
  /** What `ready()` gave out and is not decided yet. */
  #pending: Promise<SourceState> | null = null;
  #answerPending: (state: SourceState) => void = () => undefined;

  /** Use `openCapSource`. */
  constructor({ cap, frame, queue, name, linkType, options }: CapSourceParts) {
    this.description = `cap on ${name} (time of day taken when a frame is read, no drop counts, no direction)`;
    this.interfaceName = name;
    this.#cap = cap;
    this.#queue = queue;
    this.#linkType = linkType;
    this.#options = options;
    this.#frame = frame;
  }

  /** Takes frames in from now on. */
  start(): void {
    this.#cap.on('packet', (lengthBytes) => this.#onPacket(this.#frame, lengthBytes));
    this.#linkTimer = setInterval(() => this.#checkLink(), LINK_CHECK_MS);
  }

  next(frame: Frame): boolean {
    if (this.#queue?.shift(frame) !== true) return false;
    frame.linkType = this.#linkType;
    frame.direction = Direction.unknown;
    this.#frames++;
    this.#wireBytes += frame.wireLengthBytes;
    return true;
  }

  ready(): Promise<SourceState> {
    if (this.#queue === null) return Promise.resolve('closed');
    if (!this.#queue.isEmpty) return Promise.resolve('readable');
    if (this.#gone) return Promise.resolve('gone');
    this.#pending ??= new Promise((resolve) => {
      this.#answerPending = resolve;
    });
    return this.#pending;
  }

  counters(): CaptureCounters {
    return { frames: this.#frames, bytes: this.#wireBytes, kernelDrops: -1, agentDrops: this.#drops };
  }

  setFilter(): boolean {
    return false;
  }

  backlogLevel(): number {
    return this.#queue?.level ?? 0;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#linkTimer !== null) clearInterval(this.#linkTimer);
    this.#linkTimer = null;
    this.#queue = null;
    everyStep(
      () => this.#cap.close(),
      () => this.#answer('closed'),
    );
  }

  #onPacket(buffer: Buffer, lengthBytes: number): void {
    if (this.#queue === null) return;
    if (this.#queue.push(buffer, lengthBytes, this.#clock.nowUs())) this.#answer('readable');
    else this.#drops++;
  }

  /** The socket belongs to no interface (see `detachFromLink`), so nobody says when the interface is deleted. */
  #checkLink(): void {
    if (this.#gone || this.#isInterfaceThere()) return;
    this.#gone = true;
    if (this.#queue?.isEmpty === true) this.#answer('gone');
  }

  #isInterfaceThere(): boolean {
    const { interfaceIndex, namespacePath } = this.#options;
    if (namespacePath === undefined) return interfaceName(interfaceIndex) !== null;
    try {
      return inNetworkNamespace(namespacePath, () => interfaceName(interfaceIndex) !== null);
    } catch {
      return false; // the namespace itself is gone
    }
  }

  #answer(state: SourceState): void {
    this.#pending = null;
    this.#answerPending(state);
  }
}
