import { DEFAULT_FILTER } from '../model/default-filter.ts';
import type { FrameStore } from '../model/frame-store.ts';
import { compileSocketFilter } from './filter.ts';
import { closePacketSocket, openPacketSocket } from './packet-socket.ts';
import { Pulse } from './pulse.ts';
import { RingBlocks } from './ring-blocks.ts';
import { ringShape } from './ring-layout.ts';
import { RETIRE_MS, RingSource } from './ring-source.ts';
import { SpillPool } from './spill-pool.ts';

/** How a packet ring is opened. */
export interface RingOptions {
  readonly interfaceIndex: number;
  /** Network namespace of the interface, e.g. `/proc/1234/ns/net`; the agent's own when missing. */
  readonly namespacePath?: string;
  /**
   * Which end of the pod's link the interface is: on `host`, what the machine sends out goes to the pod; on `pod`
   * (inside the pod, or the only interface there is) it comes from the pod.
   */
  readonly side: 'host' | 'pod';
  /** Kernel memory for frames that were not read yet, in MiB; also counts as resident memory of the process. */
  readonly ringMb?: number;
  /** pcap-filter(7) expression; empty takes every frame. */
  readonly filter?: string;
  /**
   * Takes in whole blocks of the ring when they are opened: the kernel has them back at once, and frames lie in the
   * store. Without it, and for blocks that the store has no room for, frames are read in the ring.
   */
  readonly store?: FrameStore;
  /** Where blocks are spilled that come faster than they are read; a pool of its own when missing. */
  readonly pool?: SpillPool;
  /** Looks at the rings of all sessions; one of its own when missing. */
  readonly pulse?: Pulse;
}

const DEFAULT_RING_MB = 16;

/**
 * Opens a packet ring on an interface; frames are captured from the moment it returns. Throws `SystemError` (rights,
 * memory, no such interface) and what `compileFilter` throws.
 */
export function openRingSource(options: RingOptions): RingSource {
  const ringMb = options.ringMb ?? DEFAULT_RING_MB;
  const shape = ringShape(ringMb);
  const expression = options.filter ?? DEFAULT_FILTER;
  const socket = openPacketSocket({
    interfaceIndex: options.interfaceIndex,
    ...(options.namespacePath === undefined ? {} : { namespacePath: options.namespacePath }),
    shape,
    retireMs: RETIRE_MS,
    filter: (interfaceName, hasLinkHeader) =>
      compileSocketFilter({ expression, established: 'all', interfaceName, hasLinkHeader }),
  });
  const where = options.namespacePath === undefined ? '' : ` in ${options.namespacePath}`;
  const description = `packet ring on ${socket.interfaceName}${where} (${ringMb} MiB)`;
  let source: RingSource | null = null;
  try {
    const blocks = new RingBlocks(socket.mapping.buffer, shape.blockBytes, options.pool ?? new SpillPool());
    const pulse = options.pulse ?? new Pulse();
    source = new RingSource({ socket, blocks, options, description, pulse });
    source.start();
    return source;
  } catch (error) {
    if (source === null) closePacketSocket(socket);
    else source.close();
    throw error;
  }
}
