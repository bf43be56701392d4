import { type DetectorSettings, Detectors } from '../detect/detectors.ts';
import { DnsDetectors } from '../detect/dns-detectors.ts';
import { FloodGate } from '../detect/flood-gate.ts';
import { PacketHistory } from '../history/packet-history.ts';
import type { SettingsView } from '../model/live-settings.ts';
import { MEBIBYTE } from '../model/mebibyte.ts';
import type { MemoryRoom } from '../model/memory-room.ts';
import type { MemorySupply } from '../model/memory-supply.ts';
import { HttpSearch } from '../protocols/http/http-search.ts';
import type { TableRoom } from '../track/connection-table.ts';
import type { ConversationRoom } from '../track/conversations.ts';
import type { DnsSettings } from '../track/dns-listener.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';
import type { TrackerDelays } from '../track/tracker-listener.ts';
import { type ConnectionOwners, NO_OWNERS } from './connection-owners.ts';
import { directionsOf } from './directions.ts';
import { DnsDumps } from './dns-dumps.ts';
import { DnsEmitter, type DnsReportSettings } from './dns-emitter.ts';
import { DumpRate } from './dump-rate.ts';
import { type DumpSink, Dumps } from './dumps.ts';
import { Emitter, type FollowSettings, type OutputSink } from './emitter.ts';
import { type KeepingLimits, PacketProcessor } from './packet-processor.ts';
import { PodAddresses } from './pod-addresses.ts';

/** What is looked for in the heads of HTTP requests. */
const SEARCHED = ['searchHttpHeader', 'avoidLivenessProbe'] as const;

/** What a pipeline goes by. */
export interface PipelineSettings
  extends Readonly<DetectorSettings>,
    Readonly<FollowSettings>,
    Readonly<TrackerDelays>,
    Readonly<DnsSettings>,
    Readonly<DnsReportSettings>,
    Readonly<KeepingLimits> {
  /** Text searched in the head of HTTP requests; empty: none. */
  readonly searchHttpHeader: string;
  /** Text in the head of an HTTP request that marks a connection nobody wants; empty: none. */
  readonly avoidLivenessProbe: string;
  /** The pod's addresses, as written. */
  readonly podAddresses: readonly string[];
  /** Bound of the connection table. */
  readonly maxConnections: number;
  /** Memory for packets kept for pcaps, in MiB. */
  readonly bufferMb: number;
}

/** Room for what a pipeline uses of the agent's memory. */
export interface PipelineRooms extends ConversationRoom {
  readonly packets: MemoryRoom;
  readonly table: MemoryRoom;
  /** What others than the pipeline keep of each connection, in bytes. */
  readonly slotBytes: number;
}

/** What a pipeline is made of. */
export interface PipelineParts {
  readonly settings: SettingsView<PipelineSettings>;
  /** Keys the hash of the connection table: any 32-bit integer. */
  readonly seed: number;
  /** Gives the memory of table and history. */
  readonly memory: MemorySupply;
  /** Asked for memory; there is always some when missing. */
  readonly rooms?: PipelineRooms;
  readonly sink: OutputSink;
  /** Who owns the connections; nobody is looked for where it is missing. */
  readonly owners?: ConnectionOwners;
  /** Null: no packets are kept. */
  readonly dumpSink: DumpSink | null;
  /** Where packets are kept, when a source uses its store; made anew where it is missing. */
  readonly history?: PacketHistory;
  /** Packets may have been captured on several interfaces, so that some come twice: in a capture file. */
  readonly mayHaveDuplicates?: boolean;
}

/** What frames go through, and who reports. */
export interface Pipeline {
  readonly processor: PacketProcessor;
  readonly emitter: Emitter;
  /** Answers of HTTP and gRPC by class. */
  answersByClass(): Readonly<Record<string, number>>;
  /** Null when no packets are kept. */
  readonly history: PacketHistory | null;
  readonly dumps: Dumps | null;
  /**
   * Returns what is to be shown the connections that are open after these settings changed, some at a time: they too go
   * by the new ones from here on. What was begun under the former ones is completed.
   */
  visitorAfter(changed: ReadonlySet<string>): (connection: TrackedConnection) => void;
  /** The clock that packets' times come from was set: what is waited for takes as long as before. */
  stepClock(deltaUs: number): void;
  /** What was counted on the way, by name, for the log. */
  counters(): Readonly<Record<string, unknown>>;
}

/** Where a session keeps packets for pcaps. A source may put its frames into `store` of it. */
export function newHistory(
  { maxConnections, bufferMb }: PipelineSettings,
  memory: MemorySupply,
  room?: MemoryRoom,
): PacketHistory {
  return new PacketHistory({ maxConnections, budgetBytes: bufferMb * MEBIBYTE, memory, ...(room && { room }) });
}

/** Puts together the way of the packets for one session. */
export function buildPipeline({
  settings,
  seed,
  memory,
  sink,
  dumpSink,
  rooms,
  owners = NO_OWNERS,
  mayHaveDuplicates = false,
  ...given
}: PipelineParts): Pipeline {
  const { current } = settings;
  const history = dumpSink && (given.history ?? newHistory(current, memory, rooms?.packets));
  const dumpRate = new DumpRate();
  const dumps = history && dumpSink && new Dumps(history, dumpSink, owners, dumpRate);
  const dnsDumps = dumpSink && new DnsDumps(dumpSink, dumpRate);
  const detectors = new Detectors(current);
  const floodGate = new FloodGate(current);
  const search = new HttpSearch(current.searchHttpHeader, current.avoidLivenessProbe);
  settings.onChange(SEARCHED, () => search.set(current.searchHttpHeader, current.avoidLivenessProbe));
  const pod = new PodAddresses(current.podAddresses);
  const emitter = new Emitter({
    detectors,
    floodGate,
    sink,
    owners,
    pod,
    follow: current,
    dumps,
  });
  const dnsDetectors = new DnsDetectors(current);
  const dnsEmitter = new DnsEmitter({
    detectors: dnsDetectors,
    floodGate,
    sink,
    pod,
    settings: current,
    hasLostSince: (timeUs) => emitter.hasLostSince(timeUs),
    directions: () => {
      if (processor.questions.hasSeenAnswer || emitter.seesBothDirections) return 'both';
      return directionsOf(processor.tracker);
    },
    connectionAt: (slot) => processor.tracker.connectionAt(slot),
    dumps,
    dnsDumps,
  });
  const processor: PacketProcessor = new PacketProcessor({
    capacity: current.maxConnections,
    memory,
    ...(rooms && { tableRoom: tableRoomOf(rooms, history), conversationRoom: rooms }),
    seed,
    delays: current,
    search,
    keeping: history && dumps && dnsDumps && { history, dumps, dnsDumps, limits: current },
    mayHaveDuplicates,
    listener: emitter,
    dnsListener: dnsEmitter,
  });
  const visitorAfter = (changed: ReadonlySet<string>) => {
    const searched = SEARCHED.some((name) => changed.has(name));
    const followed = changed.has('followPort');
    return (connection: TrackedConnection) => {
      if (searched) processor.conversations.searchFromHereOn(connection);
      if (followed) emitter.followOpen(connection, processor.nowUs);
      processor.tracker.rescheduleEarlier(connection.slot);
    };
  };
  const counters = () => ({
    frames: processor.verdicts,
    connections: processor.tracker.size,
    evicted: processor.tracker.evicted,
    duplicates: processor.duplicates,
    ignoredResets: processor.tracker.ignoredResets,
    unfoundedIcmpErrors: processor.tracker.unfoundedErrors,
    unread: processor.conversations.givenUp,
    dns: processor.questions.counters(),
    forgottenPeers: detectors.forgottenPeers,
    answers: detectors.answers,
    heldBackEvents: floodGate.heldBack,
    refusedDumps: dumps?.refused ?? 0,
    history: history?.counters(),
  });
  const stepClock = (deltaUs: number) => {
    processor.stepClock(deltaUs);
    emitter.shiftTimes(deltaUs);
    dnsDetectors.shiftTimes(deltaUs);
  };
  const answersByClass = () => detectors.answersByClass;
  return { processor, emitter, answersByClass, history, dumps, visitorAfter, stepClock, counters };
}

function tableRoomOf({ table, slotBytes }: PipelineRooms, history: PacketHistory | null): TableRoom {
  return { room: table, slotBytes: (slots) => slots * slotBytes + (history?.slotBytes(slots) ?? 0) };
}
