import type { Frame } from '../model/frame.ts';

/** What a source counted since it was opened. A source that cannot know a number says -1. */
export interface CaptureCounters {
  /** Frames given out by `next()`. */
  readonly frames: number;
  /** Their bytes on the wire. */
  readonly bytes: number;
  /** Frames the kernel had no room for. */
  readonly kernelDrops: number;
  /** Frames the source itself had to let go. */
  readonly agentDrops: number;
}

/**
 * What `ready()` says: frames may be there; none will come any more; the interface was removed; or the source was
 * closed by its owner.
 */
export type SourceState = 'readable' | 'ended' | 'gone' | 'closed';

/** Where frames come from: a packet ring, `cap`, or a capture file. Nothing downstream knows which. */
export interface PacketSource {
  /** For people: what is captured and how, e.g. `packet ring on veth1a2b (16 MiB)`. */
  readonly description: string;
  /**
   * Fills `frame` with the next frame and says true; false when there is none now, or when a piece of its memory is at
   * its end: asked again, it goes on. The bytes are the source's; they stay valid until it is asked again after it said
   * false, until `ready()` or `close()`, and no longer than until the event loop turns.
   */
  next(frame: Frame): boolean;
  /** Resolves when `next()` may find frames again, or why it never will. Costs nothing while nothing arrives. */
  ready(): Promise<SourceState>;
  /** Counters up to now; cheap enough to be asked once a second. */
  counters(): CaptureCounters;
  /** Gives back memory and descriptors. Any view handed out before is invalid from here on. Idempotent. */
  close(): void;
}

/** How much of the traffic of established connections is taken: all, that of one connection in eight, or nothing. */
export type Established = 'all' | 'sample' | 'none';

/** A source of frames that are under way now. */
export interface LiveSource extends PacketSource {
  /**
   * As for any source. A source that looks for frames by itself may call `turn` when some came, again and again, instead of
   * resolving: that costs no promise. `turn` reads them by `next()`, must not throw, and says whether it has read all; when
   * not, this resolves.
   */
  ready(turn?: () => boolean): Promise<SourceState>;
  /** Name of the interface when it was opened. */
  readonly interfaceName: string;
  /**
   * Takes only the frames that another pcap-filter(7) expression accepts, from now on; of what established connections
   * send less where that is asked for, but what begins and ends them, and TLS handshakes. False, with nothing changed,
   * when the source would have to be opened anew for that. Throws what compiling and attaching throw.
   */
  setFilter(expression: string, established: Established): boolean;
  /** How much of the room for frames that come faster than they are read is taken, 0 to 1. */
  backlogLevel(): number;
  /**
   * Whether frames are put into the store that the source was given, so that keeping them costs no copy. True at first;
   * may be changed at any time.
   */
  usesStore: boolean;
}
