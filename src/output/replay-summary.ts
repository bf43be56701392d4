import { EventCode, type EventName } from '../model/event-code.ts';
import { formatIsoTime } from '../model/utc-time.ts';

/** What a replay found, as numbers. */
export interface SummaryFacts {
  readonly frames: number;
  /** Frames by what decoding made of them. */
  readonly verdicts: Readonly<Record<string, number>>;
  /** Time of the first and of the last packet, microseconds since 1970-01-01; NaN when there was none. */
  readonly firstUs: number;
  readonly lastUs: number;
  readonly connections: number;
  readonly ended: number;
  readonly events: ReadonlyMap<EventName, number>;
}

/** A few lines for people. */
export function formatSummary(facts: SummaryFacts): string {
  const verdicts = Object.entries(facts.verdicts).filter(([, frames]) => frames > 0);
  const events = [...facts.events].sort(([a], [b]) => (EventCode[a] < EventCode[b] ? -1 : 1));
  const time = Number.isNaN(facts.firstUs) ? '' : `, ${formatIsoTime(facts.firstUs)} to ${formatIsoTime(facts.lastUs)}`;
  const lines = [
    `${facts.frames} frames${time}`,
    `  ${verdicts.map(([name, frames]) => `${name} ${frames}`).join(', ') || 'nothing decoded'}`,
    `${facts.connections} connections`,
    ...events.map(([name, count]) => `${EventCode[name]} ${name.padEnd(24)} ${count}`),
  ];
  return `${lines.join('\n')}\n`;
}
