import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type EndFlowLine, parseEndFlowLine } from '../diagnosis/end-flow-line.ts';
import { type EventLine, parseEventLine } from '../diagnosis/event-line.ts';
import { type Finding, Findings } from '../diagnosis/findings.ts';
import { type Service, Services } from '../diagnosis/services.ts';
import { formatIsoTime } from '../model/utc-time.ts';
import { readLines } from './read-lines.ts';
import { readSessionEnd } from './session-end.ts';
import { filesSince, type SessionFiles } from './session-files.ts';

/** What the files of one session tell. */
export interface Diagnosis {
  readonly directory: string;
  /** Empty where the files do not tell. */
  readonly pod: string;
  readonly namespace: string;
  readonly interface: string;
  /** The span that is spoken of, ISO 8601, UTC; null where there is not one line. */
  readonly from: string | null;
  readonly to: string | null;
  readonly events: number;
  readonly connectionsEnded: number;
  /** TLS handshakes that were completed (00003). */
  readonly tlsHandshakes: number;
  /** Packets the capture lost since the session began, as the log tells; null when it does not. */
  readonly packetsLost: number | null;
  /** Worst first. */
  readonly findings: readonly Finding[];
  /** The most used first. */
  readonly services: readonly Service[];
  /** Findings and services for which there was no room. */
  readonly leftOut: { readonly findings: number; readonly services: number };
  /** Lines that could not be read. */
  readonly damagedLines: number;
}

/** Reads what a session wrote of its last `lastUs` microseconds; all of it for Infinity. */
export async function diagnose(session: SessionFiles, lastUs: number): Promise<Diagnosis> {
  const end = await readSessionEnd(session);
  return new Reading(session, end.timeUs - lastUs).diagnose(end);
}

/** One pass over the files of a session. */
class Reading {
  readonly #session: SessionFiles;
  readonly #sinceUs: number;
  readonly #findings = new Findings();
  readonly #services = new Services();
  #events = 0;
  #tlsHandshakes = 0;
  #connectionsEnded = 0;
  #damagedLines = 0;
  #firstUs = Number.POSITIVE_INFINITY;
  #lastUs = Number.NEGATIVE_INFINITY;

  constructor(session: SessionFiles, sinceUs: number) {
    this.#session = session;
    this.#sinceUs = sinceUs;
  }

  async diagnose(end: Awaited<ReturnType<typeof readSessionEnd>>): Promise<Diagnosis> {
    const { directory, events, endFlows } = this.#session;
    await this.#readAll(
      events,
      parseEventLine,
      (event) => event.timeUs,
      (event) => this.#addEvent(event),
    );
    await this.#readAll(
      endFlows,
      parseEndFlowLine,
      (flow) => flow.endUs,
      (flow) => this.#addFlow(flow),
    );
    const empty = this.#events + this.#connectionsEnded === 0;
    return {
      directory,
      pod: end.podName,
      namespace: end.podNamespace,
      interface: end.interfaceName,
      from: empty ? null : formatIsoTime(this.#firstUs),
      to: empty ? null : formatIsoTime(Math.max(end.timeUs, this.#lastUs)), // the newest file may be empty yet
      events: this.#events,
      connectionsEnded: this.#connectionsEnded,
      tlsHandshakes: this.#tlsHandshakes,
      packetsLost: end.packetsLost,
      findings: this.#findings.list((name) => existsSync(join(directory, name))),
      services: this.#services.list(),
      leftOut: { findings: this.#findings.dropped, services: this.#services.dropped },
      damagedLines: this.#damagedLines,
    };
  }

  /** Hands on what stands in the lines of the span that is asked for. */
  async #readAll<Line>(
    names: readonly string[],
    parse: (text: string) => Line | null,
    timeOf: (line: Line) => number,
    add: (line: Line) => void,
  ): Promise<void> {
    for (const name of filesSince(names, this.#sinceUs)) {
      for await (const lines of readLines(join(this.#session.directory, name))) {
        for (const text of lines) {
          if (text.startsWith('#')) continue; // the header of a CSV file
          const line = parse(text);
          if (line === null) {
            this.#damagedLines++;
          } else if (timeOf(line) >= this.#sinceUs) {
            this.#firstUs = Math.min(this.#firstUs, timeOf(line));
            this.#lastUs = Math.max(this.#lastUs, timeOf(line));
            add(line);
          }
        }
      }
    }
  }

  #addEvent(event: EventLine): void {
    this.#events++;
    if (event.name === 'TCP_IS_TLS') this.#tlsHandshakes++;
    this.#findings.add(event);
  }

  #addFlow(flow: EndFlowLine): void {
    this.#connectionsEnded++;
    this.#services.add(flow);
  }
}
