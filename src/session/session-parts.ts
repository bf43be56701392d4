import { randomInt } from 'node:crypto';
import { Attribution, type AttributionOptions } from '../attribution/attribution.ts';
import { openSource } from '../capture/open-source.ts';
import type { LiveSource } from '../capture/packet-source.ts';
import { openPodEvents } from '../cluster/open-pod-events.ts';
import type { Settings } from '../config/settings.ts';
import type { CleanupStack } from '../model/cleanup-stack.ts';
import type { LiveSettings } from '../model/live-settings.ts';
import { sessionDirectoryName } from '../model/session-directory-name.ts';
import { CountingSink } from '../pipeline/counting-sink.ts';
import { buildPipeline, newHistory, type Pipeline } from '../pipeline/pipeline.ts';
import { CaptureLoop } from './capture-loop.ts';
import type { CapturePlace } from './capture-place.ts';
import { ClockSteps } from './clock-steps.ts';
import type { GuardedTimers } from './guarded-timers.ts';
import { LivePodEvents } from './live-pod-events.ts';
import { LoadShedding } from './load-shedding.ts';
import { nameOf, openSessionFiles } from './open-session-files.ts';
import { PassingTime } from './passing-time.ts';
import type { SessionFiles } from './session-files.ts';
import type { SessionMemory } from './session-memory.ts';
import { SessionPage } from './session-page.ts';
import { SeverityCounts } from './severity-counts.ts';
import type { SharedParts } from './shared-parts.ts';

/** What a session is opened with. */
export interface SessionOptions {
  readonly settings: Settings;
  readonly place: CapturePlace;
  /** What people should know of the settings; it goes to the log. */
  readonly warnings: readonly string[];
  readonly shared: SharedParts;
  /** Console lines for people. */
  readonly print: (line: string) => void;
}

/** How a session comes by the parts that hold descriptors, threads and timers. */
export interface PartOpeners {
  readonly source: typeof openSource;
  readonly files: typeof openSessionFiles;
  readonly podEvents: typeof openPodEvents;
  readonly pipeline: typeof buildPipeline;
  readonly attribution: (options: AttributionOptions) => Attribution;
}

/** The usual ones. */
export const PART_OPENERS: PartOpeners = {
  source: openSource,
  files: openSessionFiles,
  podEvents: openPodEvents,
  pipeline: buildPipeline,
  attribution: (options) => new Attribution(options),
};

/** What a session that has begun works with. */
export interface SessionParts {
  /** Name of the interface on the node; of the pod's own where there is no other. */
  readonly interfaceName: string;
  readonly source: LiveSource;
  readonly files: SessionFiles;
  /** What is reported goes through it into the files. */
  readonly counted: CountingSink;
  /** The same by how bad it is. */
  readonly severities: SeverityCounts;
  readonly podEvents: LivePodEvents;
  readonly attribution: Attribution;
  readonly pipeline: Pipeline;
  readonly passing: PassingTime;
  readonly shedding: LoadShedding;
  readonly page: SessionPage;
  readonly memory: SessionMemory;
  readonly loop: CaptureLoop;
}

/** What the parts of a session belong to. */
export interface PartOwner {
  readonly settings: LiveSettings<Settings>;
  readonly timers: GuardedTimers;
  /** Takes in how each part is closed again, as soon as it is open. */
  readonly cleanup: CleanupStack;
  /** Told what goes wrong outside of any call. */
  readonly fail: (error: unknown) => void;
}

/**
 * Opens the capture and the files of a session, and puts together what is between them. Frames are captured from then
 * on. Rejects with one line that says what to do; `cleanup` then has what is open.
 */
export async function openSessionParts(
  { place, warnings, shared, print }: SessionOptions,
  { settings, timers, cleanup, fail }: PartOwner,
  open: PartOpeners,
): Promise<SessionParts> {
  const { current } = settings;
  const { knowledge, feed, logDirectory, pulse } = shared;
  const memory = shared.memory.open(current.ringMb);
  cleanup.defer(() => memory.close());
  const { supply, rooms, ringMb } = memory;
  const history = newHistory(current, supply, rooms.packets);
  memory.shrinks(history);
  const opened = open.source(current.captureBackend, {
    ...place,
    ringMb,
    filter: current.pcapFilter,
    store: history.store,
    pool: shared.memory.pool,
    pulse,
  });
  const { source } = opened;
  cleanup.defer(() => source.close());
  const files = await open.files({
    opened,
    place,
    settings,
    logDirectory,
    warnings: ringMb < current.ringMb ? [...warnings, smallerRing(current.ringMb, ringMb)] : warnings,
    print,
    room: memory.files,
  });
  cleanup.defer(() => files.close());
  const podEvents = new LivePodEvents(settings, () => open.podEvents(current, process.env, files.log));
  cleanup.defer(() => podEvents.close());
  const page = new SessionPage({
    feed,
    directory: sessionDirectoryName(place.hostIndex),
    formatEvent: (event) => files.formatEvent(event),
    serverNameOf: (connection) => pipeline.dumps?.serverNames.of(connection) ?? '',
  });
  const severities = new SeverityCounts();
  const counted = new CountingSink(files, {
    occurred: (name, causeId, connection) => {
      severities.occurred(name, causeId, connection);
      podEvents.occurred(name, causeId, connection);
    },
    queryOccurred: (event) => {
      severities.queryOccurred(event);
      podEvents.queryOccurred(event);
    },
    event: (event) => {
      severities.event(event);
      podEvents.report(event);
      page.event(event);
    },
    ended: (connection) => page.ended(connection),
  });
  const attribution = open.attribution({
    sink: counted,
    capacity: current.maxConnections,
    pod: { ...place, isPodsEnd: place.side === 'pod', podUid: current.podUid },
    knowledge,
    files,
    settings,
    fail,
  });
  cleanup.defer(() => attribution.close());
  const pipeline = open.pipeline({
    settings,
    seed: randomInt(2 ** 32),
    memory: supply,
    rooms,
    sink: attribution.reports,
    owners: attribution.reports,
    dumpSink: files,
    history,
  });
  const { processor, emitter, dumps } = pipeline;
  const clockSteps = new ClockSteps((deltaUs) => {
    pipeline.stepClock(deltaUs);
    const seconds = deltaUs / 1_000_000;
    files.log.warn(
      `the wall clock was set by ${seconds} s: times of lines follow it, what is waited for takes as long as before`,
      {
        seconds,
      },
    );
  });
  const passing = new PassingTime({ processor, dumps, clockSteps, drain: () => files.drain(), fail });
  const shedding = new LoadShedding({ source, processor, emitter, log: files.log, settings });
  const loop = new CaptureLoop({ source, processor, attribution, shedding, clockSteps, timers });
  podEvents.start();
  attribution.start();
  const interfaceName = nameOf(place, source);
  return {
    interfaceName,
    source,
    files,
    counted,
    severities,
    podEvents,
    attribution,
    pipeline,
    passing,
    shedding,
    page,
    memory,
    loop,
  };
}

function smallerRing(wantedMb: number, ringMb: number): string {
  return `RING_MB=${wantedMb} is too large a part of the agent's memory (MEMORY_MB): the ring has ${ringMb} MiB`;
}
