import { join } from 'node:path';
import { parseEndFlowLine } from '../diagnosis/end-flow-line.ts';
import { parseEventLine, parseObject } from '../diagnosis/event-line.ts';
import { safeText } from '../model/safe-text.ts';
import { readLastLines } from './read-lines.ts';
import type { SessionFiles } from './session-files.ts';

/** What the last lines of a session's files tell: until when they speak, and of whom. */
export interface SessionEnd {
  /** The latest time in any of the files, microseconds since 1970-01-01 UTC; -Infinity without a line. */
  readonly timeUs: number;
  readonly podName: string;
  readonly podNamespace: string;
  readonly interfaceName: string;
  /** As the newest counters in the log tell; null without. */
  readonly packetsLost: number | null;
  /** Frames by what decoding made of them, as the newest counters tell; null without. */
  readonly frames: Readonly<Record<string, number>> | null;
  /** How services answered requests in clear since the session began, as the newest counters tell. */
  readonly answers: readonly ServiceAnswers[];
}

/** How a service answered: requests, failures, and how long its first bytes took. */
export interface ServiceAnswers {
  readonly where: string;
  readonly answers: number;
  readonly failed: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

const MOST_ANSWERING = 100;

/** Reads the ends of a session's newest files. A running agent logs every minute, so that is about now. */
export async function readSessionEnd({ directory, events, endFlows, logs }: SessionFiles): Promise<SessionEnd> {
  const lastLines = async (names: readonly string[]) => {
    const name = names.at(-1);
    return name === undefined ? [] : readLastLines(join(directory, name));
  };
  let timeUs = Number.NEGATIVE_INFINITY;
  const origin = { podName: '', podNamespace: '', interfaceName: '' };
  let packetsLost: number | null = null;
  let frames: SessionEnd['frames'] = null;
  let answers: readonly ServiceAnswers[] = [];
  const note = (us: number) => {
    if (us > 0 && us > timeUs) timeUs = us; // false for what is no time, and for a replay in which none passed
  };
  for (const line of await lastLines(logs)) {
    const entry = parseObject(line) ?? {};
    note(Date.parse(String(entry['time'])) * 1000);
    origin.podName = safeText(String(entry['pod'] ?? ''));
    origin.podNamespace = safeText(String(entry['namespace'] ?? ''));
    origin.interfaceName = safeText(String(entry['interface'] ?? ''));
    const lost = Math.max(0, Number(entry['kernelDrops'])) + Number(entry['agentDrops']);
    if (Number.isFinite(lost)) packetsLost = lost;
    frames = framesOf(entry['frames']) ?? frames;
    answers = answersOf(entry['answers']) ?? answers;
  }
  for (const line of await lastLines(endFlows)) note(parseEndFlowLine(line)?.endUs ?? Number.NaN);
  for (const line of await lastLines(events)) {
    const event = parseEventLine(line);
    if (event === null) continue;
    note(event.timeUs);
    const { podName, podNamespace, interfaceName } = event;
    Object.assign(origin, { podName, podNamespace, interfaceName });
  }
  return { timeUs, ...origin, packetsLost, frames, answers };
}

function answersOf(value: unknown): readonly ServiceAnswers[] | null {
  if (!Array.isArray(value)) return null;
  return value.slice(0, MOST_ANSWERING).flatMap((one: unknown) => {
    if (typeof one !== 'object' || one === null) return [];
    const { where, ...numbers } = one as Record<string, unknown>;
    const number = (name: string) => Math.max(0, Number(numbers[name]) || 0);
    const text = safeText(String(where ?? ''));
    const [answers, failed] = [number('answers'), number('failed')];
    return [{ where: text, answers, failed, p50Us: number('p50Us'), p99Us: number('p99Us') }];
  });
}

function framesOf(value: unknown): SessionEnd['frames'] {
  if (typeof value !== 'object' || value === null) return null;
  return Object.fromEntries(Object.entries(value).filter(([, count]) => Number.isFinite(count)));
}
