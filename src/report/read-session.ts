import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseDnsLine } from '../diagnosis/dns-line.ts';
import { DnsLookups, type NameCost, type Resolver } from '../diagnosis/dns-lookups.ts';
import { type EndFlowLine, parseEndFlowLine } from '../diagnosis/end-flow-line.ts';
import { type EventLine, parseEventLine } from '../diagnosis/event-line.ts';
import type { Finding } from '../diagnosis/finding.ts';
import { Findings } from '../diagnosis/findings.ts';
import { Servers, type Service } from '../diagnosis/servers.ts';
import { formatIsoTime } from '../model/utc-time.ts';
import { readLines } from './read-lines.ts';
import { readSessionEnd, type ServiceAnswers } from './session-end.ts';
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
  /** From the end of what the files tell to the time of the diagnosis, seconds; null where they have not one line. */
  readonly ageSeconds: number | null;
  /** The files are still being written: what findings say of the end is said of now. */
  readonly isLive: boolean;
  readonly events: number;
  readonly connectionsEnded: number;
  /** TLS handshakes that were completed (00003). */
  readonly tlsHandshakes: number;
  /** Packets the capture lost since the session began, as the log tells; null when it does not. */
  readonly packetsLost: number | null;
  /** Frames since the session began, by what decoding made of them; null when the log does not tell. */
  readonly frames: Readonly<Record<string, number>> | null;
  /** How services answered requests in clear since the session began; the most asked first. */
  readonly answers: readonly ServiceAnswers[];
  /** Worst first. */
  readonly findings: readonly Finding[];
  /** The most used first. */
  readonly services: readonly Service[];
  /** DNS resolvers that were asked, the most used first. */
  readonly resolvers: readonly Resolver[];
  /** Names that cost more than two DNS queries a lookup, the most expensive first. */
  readonly costlyNames: readonly NameCost[];
  /** Findings and services for which there was no room. */
  readonly leftOut: { readonly findings: number; readonly services: number };
  /** Lines that could not be read. */
  readonly damagedLines: number;
}

/** A running agent logs every minute: files that end no longer ago than this are still being written. */
const LIVE_US = 120_000_000;

/** What of a session is read; times in microseconds since 1970-01-01 UTC. */
export interface Span {
  /** What came earlier is left out; -Infinity for nothing. */
  readonly sinceUs: number;
  /** The time of the diagnosis. */
  readonly nowUs: number;
}

/** Reads what a session wrote since `sinceUs`. */
export async function diagnose(session: SessionFiles, span: Span): Promise<Diagnosis> {
  return new Reading(session, span).diagnose(await readSessionEnd(session));
}

/** One pass over the files of a session. */
class Reading {
  readonly #session: SessionFiles;
  readonly #span: Span;
  readonly #findings = new Findings();
  readonly #servers = new Servers();
  readonly #lookups = new DnsLookups();
  #events = 0;
  #tlsHandshakes = 0;
  #connectionsEnded = 0;
  #damagedLines = 0;
  #firstUs = Number.POSITIVE_INFINITY;
  #lastUs = Number.NEGATIVE_INFINITY;

  constructor(session: SessionFiles, span: Span) {
    this.#session = session;
    this.#span = span;
  }

  async diagnose(end: Awaited<ReturnType<typeof readSessionEnd>>): Promise<Diagnosis> {
    const { directory, events, endFlows, questions } = this.#session;
    await this.#readAll(
      events,
      parseEventLine,
      (event) => event.timeUs,
      (event) => this.#addEvent(event),
      (event) => this.#findings.addEarlier(event),
    );
    await this.#readAll(
      endFlows,
      parseEndFlowLine,
      (flow) => flow.endUs,
      (flow) => this.#addFlow(flow),
    );
    await this.#readAll(
      questions,
      parseDnsLine,
      (line) => line.timeUs,
      (line) => this.#lookups.add(line),
    );
    const resolvers = this.#lookups.resolvers();
    const empty = this.#events + this.#connectionsEnded + resolvers.length === 0;
    const endUs = Math.max(end.timeUs, this.#lastUs); // the newest file may be empty yet
    const hasFile = (name: string) => existsSync(join(directory, name));
    const { nowUs } = this.#span;
    const isLive = nowUs - endUs <= LIVE_US;
    const findings = this.#findings.list({
      servers: this.#servers,
      lookups: this.#lookups,
      endUs: isLive ? nowUs : endUs,
      hasFile,
    });
    return {
      directory,
      pod: end.podName,
      namespace: end.podNamespace,
      interface: end.interfaceName,
      from: empty ? null : formatIsoTime(this.#firstUs),
      to: empty ? null : formatIsoTime(endUs),
      ageSeconds: Number.isFinite(endUs) ? Math.max(0, Math.round((nowUs - endUs) / 1_000_000)) : null,
      isLive,
      events: this.#events,
      connectionsEnded: this.#connectionsEnded,
      tlsHandshakes: this.#tlsHandshakes,
      packetsLost: end.packetsLost,
      frames: end.frames,
      answers: end.answers,
      findings,
      services: this.#servers.list(),
      resolvers,
      costlyNames: this.#lookups.costlyNames(),
      leftOut: { findings: this.#findings.dropped, services: this.#servers.dropped },
      damagedLines: this.#damagedLines,
    };
  }

  /** Hands on what stands in the lines of the span that is asked for. */
  async #readAll<Line>(
    names: readonly string[],
    parse: (text: string) => Line | null,
    timeOf: (line: Line) => number,
    add: (line: Line) => void,
    addEarlier: (line: Line) => void = () => {},
  ): Promise<void> {
    for (const name of filesSince(names, this.#span.sinceUs)) {
      for await (const lines of readLines(join(this.#session.directory, name))) {
        for (const text of lines) {
          if (text.startsWith('#')) continue; // the header of a CSV file
          const line = parse(text);
          if (line === null) {
            this.#damagedLines++;
          } else if (timeOf(line) < this.#span.sinceUs) {
            addEarlier(line);
          } else {
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
    this.#servers.add(flow);
    this.#findings.ended(flow);
  }
}
