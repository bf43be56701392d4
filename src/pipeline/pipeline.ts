import type { Settings } from '../config/settings.ts';
import { Detectors } from '../detect/detectors.ts';
import { FloodGate } from '../detect/flood-gate.ts';
import { PacketHistory } from '../history/packet-history.ts';
import type { MemorySupply } from '../model/memory-supply.ts';
import { mapMemory } from '../native/libc.ts';
import { PreparedMemory, prepareMemory } from '../native/prepared-memory.ts';
import { HttpSearch } from '../protocols/http/http-search.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import { type DumpSink, Dumps } from './dumps.ts';
import { PacketPath } from './packet-path.ts';
import { PodAddresses } from './pod-addresses.ts';
import { Reporter, type ReportSink } from './reporter.ts';

const MEBIBYTE = 1_048_576;

/** Memory of the operating system, in huge pages where it has them. */
const systemMemory: MemorySupply = {
  whole: (lengthBytes) => mapMemory(lengthBytes, 0),
  prepared: prepareMemory,
  growing: (lengthBytes) => new PreparedMemory(lengthBytes),
};

/** What frames go through, and who reports. */
export interface Pipeline {
  readonly path: PacketPath;
  readonly reporter: Reporter;
  /** Null when no packets are kept. */
  readonly history: PacketHistory | null;
  readonly dumps: Dumps | null;
  /**
   * Goes by other settings from now on. What was begun under the former ones is completed. The answer is to be shown
   * the connections that are open now, some at a time: they too go by the new settings from here on.
   */
  apply(settings: Settings): (connection: TrackedConnection) => void;
  /** What was counted on the way, by name, for the log. */
  counters(): Readonly<Record<string, unknown>>;
}

/** Where a session keeps packets for pcaps. A source may put its frames into `store` of it. */
export function newHistory({ maxConnections, bufferMb }: Settings): PacketHistory {
  return new PacketHistory({ maxConnections, budgetBytes: bufferMb * MEBIBYTE, memory: systemMemory });
}

/**
 * Puts together the way of the packets for one session. `seed` keys the hash of the connection table; without
 * `dumpSink` no packets are kept. A source that uses the store of a history needs that `history` to be given.
 */
export function buildPipeline(
  settings: Settings,
  seed: number,
  sink: ReportSink,
  dumpSink: DumpSink | null,
  history: PacketHistory | null = dumpSink && newHistory(settings),
): Pipeline {
  const current = { ...settings };
  const dumps = history && dumpSink && new Dumps(history, dumpSink);
  const detectors = new Detectors(current);
  const floodGate = new FloodGate(current);
  const search = new HttpSearch(settings.searchHttpHeader, settings.avoidLivenessProbe);
  const reporter = new Reporter({
    detectors,
    floodGate,
    sink,
    pod: new PodAddresses(settings.podAddresses),
    follow: current,
    dumps,
  });
  const path = new PacketPath({
    capacity: settings.maxConnections,
    memory: systemMemory,
    seed,
    delays: current,
    search,
    keeping: history && dumps && { history, dumps, limits: current },
    listener: reporter,
  });
  const apply = (next: Settings) => {
    const { searchHttpHeader, avoidLivenessProbe, followPort } = next;
    const searched = current.searchHttpHeader !== searchHttpHeader || current.avoidLivenessProbe !== avoidLivenessProbe;
    const followed = current.followPort !== followPort;
    Object.assign(current, next);
    if (searched) search.set(searchHttpHeader, avoidLivenessProbe);
    return (connection: TrackedConnection) => {
      if (searched) path.conversations.searchFromHereOn(connection);
      if (followed) reporter.followOpen(connection, path.nowUs);
      path.tracker.hasten(connection.slot);
    };
  };
  const counters = () => ({
    frames: path.verdicts,
    connections: path.tracker.size,
    evicted: path.tracker.evicted,
    unread: path.conversations.givenUp,
    forgottenPeers: detectors.forgottenPeers,
    heldBackEvents: floodGate.heldBack,
    refusedDumps: dumps?.refused ?? 0,
    history: history?.counters(),
  });
  return { path, reporter, history, dumps, apply, counters };
}
