import type { Settings } from '../config/settings.ts';
import { MEBIBYTE } from '../model/mebibyte.ts';
import type { SessionFigures } from '../model/session-figures.ts';
import type { SessionParts } from './session-parts.ts';

/** Gathers what was counted since a session began, for those who look from outside. */
export function figuresOf(settings: Settings, parts: SessionParts): SessionFigures {
  const { interfaceName, source, pipeline, counted, severities, shedding, files, memory } = parts;
  const { podName, podNamespace, maxConnections, bufferMb, maxLogMb } = settings;
  const { processor, history, dumps } = pipeline;
  const { frames, bytes, kernelDrops, agentDrops } = source.counters();
  const { events, begun, endedByType, handshakes, tlsHandshakes, firstBytes, roundTrips, dns } = counted;
  return {
    podName,
    podNamespace,
    interfaceName,
    events,
    severities: severities.counts,
    connectionsBegun: begun,
    connectionsEnded: endedByType,
    halfOpen: processor.tracker.halfOpen,
    handshakes,
    tlsHandshakes,
    firstBytes,
    dns,
    roundTrips,
    answers: pipeline.answersByClass(),
    retransmissions: processor.tracker.resent,
    packets: frames,
    bytes,
    kernelDrops,
    agentDrops,
    table: { used: processor.tracker.size, limit: maxConnections },
    evicted: processor.tracker.evicted,
    shedStep: shedding.step,
    history: { used: history?.memoryBytes ?? 0, limit: bufferMb * MEBIBYTE },
    disk: { used: files.diskBytes, limit: maxLogMb * MEBIBYTE },
    ...files.losses,
    refusedDumps: dumps?.refused ?? 0,
    memory: { usedBytes: { ...memory.usedBytes }, gaveWay: memory.gaveWay },
  };
}

/** Gathers the same for the log, with what only somebody who looks for a fault wants to know. */
export function countersOf(parts: SessionParts): Readonly<Record<string, unknown>> {
  const { source, pipeline, shedding, attribution, files, podEvents, memory } = parts;
  const { frames, bytes, kernelDrops, agentDrops } = source.counters();
  return {
    received: frames,
    bytes,
    kernelDrops,
    agentDrops,
    ...pipeline.counters(),
    overload: shedding.counters(),
    processes: attribution.counters(),
    memory: { usedBytes: memory.usedBytes, gaveWay: memory.gaveWay },
    ...files.losses,
    droppedPodEvents: podEvents.dropped,
  };
}
