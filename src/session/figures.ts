import type { LiveSource } from '../capture/packet-source.ts';
import type { Settings } from '../config/settings.ts';
import { MEBIBYTE } from '../model/mebibyte.ts';
import type { SessionFigures } from '../model/session-figures.ts';
import type { CountingSink } from '../pipeline/counting-sink.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { LoadShedding } from './load-shedding.ts';
import type { SessionFiles } from './session-files.ts';

/** The parts of a session that count. */
export interface CountingParts {
  readonly interfaceName: string;
  readonly settings: Settings;
  readonly source: LiveSource;
  readonly pipeline: Pipeline;
  readonly counted: CountingSink;
  readonly shedding: LoadShedding;
  readonly files: SessionFiles;
}

/** Gathers what was counted since a session began, for those who look from outside. */
export function figuresOf(parts: CountingParts): SessionFigures {
  const { interfaceName, settings, source, pipeline, counted, shedding, files } = parts;
  const { podName, podNamespace, maxConnections, bufferMb, maxLogMb } = settings;
  const { path, history, dumps } = pipeline;
  const { frames, bytes, kernelDrops, agentDrops } = source.counters();
  const { events, begun, endedByType, handshakes, tlsHandshakes, firstBytes } = counted;
  return {
    podName,
    podNamespace,
    interfaceName,
    events,
    connectionsBegun: begun,
    connectionsEnded: endedByType,
    halfOpen: path.tracker.halfOpen,
    handshakes,
    tlsHandshakes,
    firstBytes,
    packets: frames,
    bytes,
    kernelDrops,
    agentDrops,
    table: { used: path.tracker.size, limit: maxConnections },
    evicted: path.tracker.evicted,
    shedStep: shedding.step,
    history: { used: history?.memoryBytes ?? 0, limit: bufferMb * MEBIBYTE },
    disk: { used: files.diskBytes, limit: maxLogMb * MEBIBYTE },
    ...files.losses,
    refusedDumps: dumps?.refused ?? 0,
  };
}
