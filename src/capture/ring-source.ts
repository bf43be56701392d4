import { everyStep } from '../model/every-step.ts';
import { Direction, type Frame, NO_VLAN } from '../model/frame.ts';
import type { FrameStore } from '../model/frame-store.ts';
import { LinkType } from '../model/link-type.ts';
import { DescriptorWatch } from '../native/descriptor-watch.ts';
import { inNetworkNamespace, takeSocketError } from '../native/libc.ts';
import { ACCEPT_ALL, compileSocketFilter } from './filter.ts';
import { LinkCheck } from './link-check.ts';
import { NO_MEMORY } from './memory.ts';
import type { RingOptions } from './open-ring-source.ts';
import { attachFilter, closePacketSocket, type PacketSocket, takeDrops } from './packet-socket.ts';
import type { CaptureCounters, Established, LiveSource, SourceState } from './packet-source.ts';
import type { Pulse } from './pulse.ts';
import type { RingBlocks } from './ring-blocks.ts';
import { ETH_P_8021Q, ETH_P_IP, ETH_P_IPV6 } from './ring-layout.ts';
import {
  FRAME_CAPTURED_LENGTH,
  FRAME_LINK_PROTOCOL,
  FRAME_LINK_TYPE,
  FRAME_NANOSECONDS,
  FRAME_NEXT_OFFSET,
  FRAME_OFFSETS,
  FRAME_SECONDS,
  FRAME_STATUS,
  FRAME_VLAN_TCI,
  FRAME_VLAN_TPID,
  FRAME_WIRE_LENGTH,
  PACKET_OUTGOING,
  TP_STATUS_VLAN_TPID_VALID,
  TP_STATUS_VLAN_VALID,
} from './ring-words.ts';

/**
 * How long the kernel keeps a block that is not full, in milliseconds. Frames are read before that; quiet traffic uses up
 * a ring of eight blocks, of which none is read, in eight seconds.
 */
export const RETIRE_MS = 1000;

/** A deleted interface is 'gone' after this long: its last frames may still be in a block that the kernel has. */
const LAST_BLOCK_MS = 128;

/**
 * While blocks come because they are full, it is looked for the next ones this much later, in milliseconds, instead of
 * being woken for each: that would cost a tenth of all the agent does. Waiting is over sooner once so many blocks came
 * at a time that the ring might run full.
 */
const REST_MS = 4;
const REST_SHARE_OF_RING = 1 / 8;

/** Frames of a block that are read before it is looked whether too many others wait; a power of two. */
const FRAMES_BETWEEN_LOOKS = 64;

/** ETH_P_IP and ETH_P_IPV6 as they stand in memory: network byte order read on a little-endian machine. */
const IP_SWAPPED = (ETH_P_IP >> 8) | ((ETH_P_IP & 0xff) << 8);
const IPV6_SWAPPED = (ETH_P_IPV6 >> 8) | ((ETH_P_IPV6 & 0xff) << 8);

/** What a ring source is made of. */
export interface RingSourceParts {
  readonly socket: PacketSocket;
  readonly blocks: RingBlocks;
  readonly options: RingOptions;
  readonly description: string;
  /** Looks at the ring now and then. */
  readonly pulse: Pulse;
}

/**
 * Frames from a packet ring that the kernel fills and this process reads in place (AF_PACKET, TPACKET_V3). Frames
 * keep the kernel's timestamps and drop counts, and their direction; a VLAN tag the kernel took out is given beside.
 * Interfaces without an Ethernet header (tun, ppp, tunnels) give IP packets of `LinkType.raw`.
 */
export class RingSource implements LiveSource {
  readonly description: string;
  readonly interfaceName: string;
  usesStore = true;

  readonly #socket: PacketSocket;
  /** Wakes up when the kernel hands a block over: when packets come fast, or the link goes down. */
  readonly #watch: DescriptorWatch;
  readonly #pulse: Pulse;
  readonly #look = () => this.#lookAtRing();
  readonly #linkCheck: LinkCheck;
  readonly #blocks: RingBlocks;
  readonly #linkType: number;
  readonly #outgoingDirection: Direction;
  readonly #incomingDirection: Direction;
  /** True when every frame has to be looked at whether it is wanted at all. */
  readonly #selective: boolean;

  readonly #store: FrameStore | null;
  readonly #namespacePath: string | undefined;

  // What the open block is read from, at hand.
  #words: Int32Array = NO_MEMORY.words;
  #bytes: Uint8Array = NO_MEMORY.bytes;
  #view: DataView = NO_MEMORY.view;

  /** Frames of a block were given out and the consumer was not yet told that the block is at its end. */
  #begun = false;
  #framesLeft = 0;
  /** Blocks opened since `ready()` last had to wait. */
  #blocksOpened = 0;
  /** Word of the next frame's header. */
  #header = 0;

  /** Frames and their bytes on the wire: doubles, so that they may grow past the small integers. */
  readonly #given = new Float64Array(2);
  #drops = 0;
  /** Blocks that had been given back to the kernel when it was last asked for its drops. */
  #askedAt = -1;
  #lastFrame: Frame | null = null;

  #closed = false;
  #gone = false;
  /** What `ready()` gave out and is not decided yet. */
  #pending: Promise<SourceState> | null = null;
  #answerPending: (state: SourceState) => void = () => undefined;
  /** Reads what came while `ready()` is not decided. */
  #turn: (() => boolean) | null = null;
  #restTimer: NodeJS.Timeout | null = null;

  /** Use `openRingSource`. What is given belongs to the source from here on. */
  constructor({ socket, blocks, options, description, pulse }: RingSourceParts) {
    const { side } = options;
    this.description = description;
    this.interfaceName = socket.interfaceName;
    this.#socket = socket;
    this.#blocks = blocks;
    this.#pulse = pulse;
    this.#linkType = socket.hasLinkHeader ? LinkType.ethernet : LinkType.raw;
    this.#selective = socket.loopback || !socket.hasLinkHeader;
    const outgoing = side === 'host' ? Direction.toPod : Direction.fromPod;
    const incoming = side === 'host' ? Direction.fromPod : Direction.toPod;
    this.#outgoingDirection = socket.loopback ? Direction.unknown : outgoing;
    this.#incomingDirection = socket.loopback ? Direction.unknown : incoming;
    this.#store = options.store ?? null;
    this.#namespacePath = options.namespacePath;
    this.#watch = new DescriptorWatch(socket.fd, (readable) => this.#onDescriptor(readable));
    this.#linkCheck = new LinkCheck(socket.fd, LAST_BLOCK_MS, () => this.#becomeGone());
  }

  /** Watches the ring in the event loop from now on. */
  start(): void {
    this.#watch.start();
    this.#pulse.add(this.#look);
  }

  next(frame: Frame): boolean {
    while (true) {
      if (this.#framesLeft === 0 && !this.#openBlock()) return false;
      if (this.#framesLeft % FRAMES_BETWEEN_LOOKS === 0) this.#blocks.spill();
      const words = this.#words;
      const header = this.#header;
      this.#framesLeft--;
      this.#header = header + (words[header + FRAME_NEXT_OFFSET] >>> 2);
      if (this.#selective && !this.#isWanted(header)) continue;

      const status = words[header + FRAME_STATUS];
      const start = (header << 2) + (words[header + FRAME_OFFSETS] & 0xffff);
      const wireLength = words[header + FRAME_WIRE_LENGTH];
      const packetType = (words[header + FRAME_LINK_TYPE] >>> 16) & 0xff;
      if (frame.view !== this.#view) this.#lend(frame);
      frame.start = start;
      frame.end = start + words[header + FRAME_CAPTURED_LENGTH];
      frame.wireLengthBytes = wireLength;
      frame.timeUs = (words[header + FRAME_SECONDS] >>> 0) * 1e6 + words[header + FRAME_NANOSECONDS] / 1e3;
      frame.linkType = this.#linkType;
      frame.direction = packetType === PACKET_OUTGOING ? this.#outgoingDirection : this.#incomingDirection;
      if ((status & TP_STATUS_VLAN_VALID) === 0) {
        frame.vlanTci = NO_VLAN;
      } else {
        const tpid = words[header + FRAME_VLAN_TPID] & 0xffff;
        frame.vlanTci = words[header + FRAME_VLAN_TCI] & 0xffff;
        frame.vlanTpid = (status & TP_STATUS_VLAN_TPID_VALID) === 0 ? ETH_P_8021Q : tpid;
      }
      this.#given[0]++;
      this.#given[1] += wireLength;
      return true;
    }
  }

  ready(turn?: () => boolean): Promise<SourceState> {
    if (this.#closed) return Promise.resolve('closed');
    if (this.#framesLeft > 0 || this.#blocks.isReady()) return Promise.resolve('readable');
    if (this.#gone) return Promise.resolve('gone');
    this.#pending ??= new Promise((resolve) => {
      this.#answerPending = resolve;
      this.#turn = turn ?? null;
      this.#wait();
    });
    return this.#pending;
  }

  counters(): CaptureCounters {
    this.#askForDrops();
    return { frames: this.#given[0], bytes: this.#given[1], kernelDrops: this.#drops, agentDrops: 0 };
  }

  setFilter(expression: string, established: Established): boolean {
    const { hasLinkHeader } = this.#socket;
    const { interfaceName } = this;
    const compile = () => compileSocketFilter({ expression, established, interfaceName, hasLinkHeader }) ?? ACCEPT_ALL;
    const path = this.#namespacePath;
    attachFilter(this.#socket.fd, path === undefined ? compile() : inNetworkNamespace(path, compile));
    return true;
  }

  backlogLevel(): number {
    return this.#blocks.level;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#framesLeft = 0;
    if (this.#restTimer !== null) clearTimeout(this.#restTimer);
    this.#restTimer = null;
    everyStep(
      () => {
        this.#drops += takeDrops(this.#socket.fd);
      },
      () => this.#pulse.remove(this.#look),
      () => this.#watch.close(),
      () => this.#linkCheck.close(),
      () => this.#dropViews(),
      () => this.#blocks.close(),
      () => closePacketSocket(this.#socket),
      () => this.#answer('closed'),
    );
  }

  /** The kernel drops frames only when it has handed over all blocks: where it has not handed over one, none was dropped. */
  #askForDrops(): void {
    const { givenBack, isHandedOver } = this.#blocks;
    if (this.#closed || (givenBack === this.#askedAt && !isHandedOver)) return;
    this.#askedAt = givenBack;
    this.#drops += takeDrops(this.#socket.fd);
  }

  /** Gives back the block that was read, and takes the next one when the kernel has filled it. */
  #openBlock(): boolean {
    if (this.#begun) {
      this.#begun = false; // what was given out of the last block may still be looked at
      return false;
    }
    const blocks = this.#blocks;
    do {
      if (!blocks.open(this.usesStore ? this.#store : null)) return false;
      this.#blocksOpened++;
    } while (blocks.frames === 0);
    this.#words = blocks.memory.words;
    this.#bytes = blocks.memory.bytes;
    this.#view = blocks.memory.view;
    this.#header = blocks.firstFrame;
    this.#framesLeft = blocks.frames;
    this.#begun = true;
    return true;
  }

  /** Loopback shows each frame going out and coming in: the latter is taken. Without a link header only IP is. */
  #isWanted(header: number): boolean {
    const words = this.#words;
    if (this.#linkType === LinkType.ethernet) {
      return ((words[header + FRAME_LINK_TYPE] >>> 16) & 0xff) !== PACKET_OUTGOING;
    }
    const protocol = words[header + FRAME_LINK_PROTOCOL] >>> 16;
    return protocol === IP_SWAPPED || protocol === IPV6_SWAPPED;
  }

  /** Whether more blocks are likely to come soon, and the ring has room for them. */
  #mayRest(): boolean {
    const { wasFull, count } = this.#blocks;
    return this.#blocksOpened > 0 && wasFull && this.#blocksOpened <= count * REST_SHARE_OF_RING;
  }

  /** Waits for blocks: by the descriptor, unless more are likely to come soon. */
  #wait(): void {
    if (this.#mayRest()) this.#rest();
    else this.#watch.start();
    this.#blocksOpened = 0;
  }

  #rest(): void {
    this.#watch.stop();
    this.#restTimer ??= setTimeout(() => {
      this.#restTimer = null;
      if (this.#pending === null) return;
      if (this.#blocks.isReady()) this.#takeTurn();
      else this.#watch.start();
    }, REST_MS);
  }

  /** Lets who waits read what came: in place as long as all can be read at once. */
  #takeTurn(): void {
    const turn = this.#turn;
    if (turn === null || !turn()) this.#answer('readable');
    else if (this.#pending !== null) this.#wait();
  }

  #lend(frame: Frame): void {
    this.#lastFrame = frame;
    frame.view = this.#view;
    frame.bytes = this.#bytes;
  }

  #dropViews(): void {
    const frame = this.#lastFrame;
    if (frame !== null && frame.view !== this.#store?.view) {
      frame.view = NO_MEMORY.view;
      frame.bytes = NO_MEMORY.bytes;
      frame.start = 0;
      frame.end = 0;
    }
    this.#lastFrame = null;
    this.#words = NO_MEMORY.words;
    this.#bytes = NO_MEMORY.bytes;
    this.#view = NO_MEMORY.view;
  }

  /** Lets who waits read as soon as there is something to be read; true when something came. */
  #lookAtRing(): boolean {
    if (this.#framesLeft > 0) return true; // nothing is given back that is still read
    const hasNew = this.#blocks.look();
    if (hasNew && this.#pending !== null && this.#blocks.isReady()) this.#takeTurn();
    return hasNew;
  }

  #answer(state: SourceState): void {
    this.#pending = null;
    this.#turn = null;
    this.#answerPending(state);
  }

  #onDescriptor(readable: boolean): void {
    if (this.#closed) return;
    if (!readable) {
      // ENETDOWN
      takeSocketError(this.#socket.fd);
      this.#linkCheck.begin();
      this.#watch.start();
    } else if (this.#pending === null) {
      this.#watch.stop(); // nobody waits: level-triggered, it would be called in every turn of the event loop
    } else if (this.#blocks.isReady()) {
      this.#takeTurn();
    }
  }

  #becomeGone(): void {
    this.#gone = true;
    this.#watch.stop();
    this.#answer(this.#blocks.isReady() ? 'readable' : 'gone');
  }
}
