import { openFileSource } from '../capture/file-source.ts';
import type { Settings } from '../config/settings.ts';
import { DEFAULT_FILTER } from '../model/default-filter.ts';
import type { EventName } from '../model/event-code.ts';
import type { SettingsView } from '../model/live-settings.ts';
import { CountingSink } from '../pipeline/counting-sink.ts';
import type { DumpSink } from '../pipeline/dumps.ts';
import type { OutputSink } from '../pipeline/emitter.ts';
import { buildPipeline } from '../pipeline/pipeline.ts';
import { systemMemory } from './system-memory.ts';

const FRAMES_AT_ONCE = 8192;
const CONNECTIONS_AT_ONCE = 1000;

/** Where a replay's findings go. */
export interface ReplaySink extends OutputSink {
  /** The time of the first packet is known, or that there is none; called once. */
  start(timeUs: number): void;
  /** Resolves when more can be taken. */
  drain(): Promise<void>;
}

/** Tells the time of the capture while it is replayed: that of its latest packet, NaN before the first. */
export class ReplayClock {
  nowUs: () => number = () => Number.NaN;
}

/** What a replay found. */
export interface ReplaySummary {
  readonly frames: number;
  readonly bytes: number;
  /** Frames by what decoding made of them. */
  readonly verdicts: Readonly<Record<string, number>>;
  /** Time of the first and of the last frame, microseconds since 1970-01-01; NaN for a capture without frames. */
  readonly firstUs: number;
  readonly lastUs: number;
  readonly connections: number;
  readonly ended: number;
  readonly events: ReadonlyMap<EventName, number>;
  /** What was wrong with the file, in words; null when it is sound. */
  readonly problem: string | null;
}

/** What is replayed, and where it goes. */
export interface ReplayOptions {
  /** The capture file; `-`: standard input. */
  readonly path: string;
  readonly settings: SettingsView<Settings>;
  /** Keys the hash of the connection table: any 32-bit integer. */
  readonly seed: number;
  readonly clock: ReplayClock;
  readonly sink: ReplaySink;
  /** Null: no pcaps are made. */
  readonly dumpSink: DumpSink | null;
}

/**
 * Sends a capture file down the same way as live packets. Time is the file's: its last packet is the end. Rejects when
 * the file cannot be opened or is no capture.
 */
export async function replay({ path, settings, seed, clock, sink, dumpSink }: ReplayOptions): Promise<ReplaySummary> {
  const { pcapFilter } = settings.current;
  const isDefault = pcapFilter === DEFAULT_FILTER || pcapFilter === 'tcp';
  const filter = isDefault ? '' : pcapFilter; // what else is in the file is counted and left alone
  const source = await openFileSource(path, { filter });
  try {
    const counted = new CountingSink(sink);
    const parts = { settings, seed, memory: systemMemory, sink: counted, dumpSink, mayHaveDuplicates: true };
    const { processor, emitter, counters } = buildPipeline(parts);
    clock.nowUs = () => processor.nowUs;
    let started = false;
    while (true) {
      const dry = processor.drain(source, FRAMES_AT_ONCE);
      if (!started && !Number.isNaN(processor.firstUs)) {
        started = true;
        sink.start(processor.firstUs);
      }
      await sink.drain();
      if (dry && (await source.ready()) !== 'readable') break;
    }
    if (!started) sink.start(Date.now() * 1000); // no TCP at all: empty files say so
    while (processor.advance(processor.nowUs)) await sink.drain();
    while (processor.tracker.stop(processor.nowUs, CONNECTIONS_AT_ONCE)) await sink.drain();
    processor.questions.stop(processor.nowUs);
    emitter.finish();
    const { frames, bytes } = source.counters();
    sink.note('capture counters', { received: frames, bytes, ...counters() });
    await sink.drain();
    return {
      frames,
      bytes,
      verdicts: processor.verdicts,
      firstUs: processor.firstUs,
      lastUs: processor.nowUs,
      connections: counted.begun,
      ended: counted.ended,
      events: counted.events,
      problem: source.problem(),
    };
  } finally {
    source.close();
  }
}
