import type { Settings } from '../config/settings.ts';
import type { Connection } from '../model/connection.ts';
import type { ConnectionSummary, NetworkEvent } from '../model/event.ts';
import type { PacketNotes } from '../model/packet-notes.ts';
import type { PacketRecords } from '../model/packet-records.ts';
import { DiskBudget } from '../output/disk-budget.ts';
import { EndFlowFile } from '../output/end-flow-file.ts';
import { EventFile } from '../output/event-file.ts';
import { FlowFile } from '../output/flow-file.ts';
import type { Network } from '../output/internet.ts';
import { PcapFiles } from '../output/pcap-file.ts';
import type { CaptureOrigin, CaptureTotals } from '../output/pcapng-file.ts';
import type { RotatingFile } from '../output/rotating-file.ts';
import { type LogFields, SessionLog } from '../output/session-log.ts';
import type { DumpSink } from './dumps.ts';
import type { ReportSink } from './reporter.ts';

const MEBIBYTE = 1_048_576;
const DUMP_ERROR_EVERY_US = 60_000_000;
const MOST_PENDING_DUMP_BYTES = 32 * MEBIBYTE;

/** Where a session's files stand, and what they name. */
export interface SessionFilesOptions {
  readonly directory: string;
  readonly settings: Settings;
  readonly interfaceName: string;
  /** Networks whose addresses do not count as internet. */
  readonly ownNetworks: readonly Network[];
  /** Console lines for people. */
  readonly print?: (line: string) => void;
  /** What the capture received and lost up to now; null when it is not known. */
  readonly captureTotals?: () => CaptureTotals | null;
  /** The time of log lines, in milliseconds since 1970-01-01. */
  readonly clock: () => number;
}

/** All files of one session. */
export class SessionFiles implements ReportSink, DumpSink {
  readonly log: SessionLog;
  readonly #flows: FlowFile;
  readonly #endFlows: EndFlowFile;
  readonly #events: EventFile;
  readonly #dumps: PcapFiles;
  readonly #budget: DiskBudget;
  readonly #clock: () => number;
  #settings: Settings;
  #lastError: string | null = null;
  #dumpErrorUs = Number.NEGATIVE_INFINITY;

  constructor(options: SessionFilesOptions) {
    const { directory, settings, interfaceName, ownNetworks, print, captureTotals, clock } = options;
    const { podName, podNamespace } = settings;
    this.#clock = clock;
    this.#settings = settings;
    const target = {
      directory,
      onWritten: (bytes: number) => this.#budget.wrote(bytes),
      onError: (message: string) => this.#onError(message),
    };
    this.log = new SessionLog({
      ...target,
      level: settings.logLevel,
      podName,
      podNamespace,
      interfaceName,
      clock,
      ...(print === undefined ? {} : { print }),
    });
    this.#flows = new FlowFile(target, interfaceName, ownNetworks);
    this.#endFlows = new EndFlowFile(target);
    this.#events = new EventFile(target, { interfaceName, podName, podNamespace });
    this.#dumps = new PcapFiles({
      directory,
      format: settings.pcapFormat,
      origin: () => originOf(interfaceName, this.#settings),
      ...(captureTotals === undefined ? {} : { totals: captureTotals }),
      onWritten: (file, bytes) => {
        this.#budget.wrote(bytes);
        this.log.info('pcap written', { file, bytes });
      },
      onError: (message) => this.#onDumpError(message),
    });
    this.#budget = new DiskBudget({
      directory,
      maxBytes: settings.maxLogMb * MEBIBYTE,
      isOpen: (name) => this.#all().some((file) => file.openName === name),
      onDeleted: (name, bytes) => this.log.info('deleted the oldest file to keep MAX_LOG_MB', { file: name, bytes }),
      onError: (message) => this.log.error(message),
    });
  }

  /** Goes by other settings from now on. */
  apply(settings: Settings): void {
    this.#settings = settings;
    this.log.level = settings.logLevel;
    this.#budget.setMaxBytes(settings.maxLogMb * MEBIBYTE);
    this.#dumps.format = settings.pcapFormat;
  }

  /** Makes all files appear, named by `timeUs`, without waiting for their first line. */
  start(timeUs: number): void {
    for (const { file } of [this.#flows, this.#endFlows, this.#events]) file.start(timeUs);
  }

  connectionBegan(connection: Connection): void {
    this.#flows.write(connection);
  }

  connectionEnded(connection: Connection): void {
    this.#endFlows.write(connection);
  }

  event(event: NetworkEvent): void {
    this.#events.write(event);
  }

  note(message: string, fields: LogFields): void {
    this.log.info(message, fields);
  }

  reserveDump(ends: ConnectionSummary, timeUs: number): string {
    return this.#dumps.reserve(ends, timeUs);
  }

  writeDump(name: string, records: PacketRecords, notes: PacketNotes): void {
    this.#dumps.write(name, records, notes);
  }

  releaseDump(name: string): void {
    this.#dumps.release(name);
  }

  /** For producers that can wait: resolves at once unless much is waiting for the disk. */
  async drain(): Promise<void> {
    for (const file of this.#all()) await file.drain();
    if (this.#dumps.pendingBytes > MOST_PENDING_DUMP_BYTES) await this.#dumps.idle();
  }

  /** What could not be written up to now, in one line; null when nothing was lost. To be asked after `close`. */
  lossesInWords(): string | null {
    if (this.lostLines + this.lostDumps === 0) return null;
    const reason = this.#lastError === null ? '' : `: ${this.#lastError}`;
    return `${this.lostLines} lines and ${this.lostDumps} pcaps could not be written${reason}`;
  }

  /** Dumps that could not be written up to now. */
  get lostDumps(): number {
    const { failed, dropped } = this.#dumps.counters;
    return failed + dropped;
  }

  /** Lines that could not be written up to now. */
  get lostLines(): number {
    return this.#all().reduce((sum, file) => sum + file.counters.lostLines, 0);
  }

  /** Writes what waits and closes all files, the log last. */
  async close(): Promise<void> {
    await this.#dumps.idle();
    await Promise.all([this.#flows, this.#endFlows, this.#events].map(({ file }) => file.close()));
    await this.log.close();
  }

  #onError(message: string): void {
    this.#lastError = message;
    this.log.error(message);
  }

  /** A disk that fails loses many dumps: one line a minute is enough, the counters have them all. */
  #onDumpError(message: string): void {
    const nowUs = this.#clock() * 1000;
    if (nowUs - this.#dumpErrorUs < DUMP_ERROR_EVERY_US) return;
    this.#dumpErrorUs = nowUs;
    this.#onError(message);
  }

  #all(): readonly RotatingFile[] {
    return [this.#flows.file, this.#endFlows.file, this.#events.file, this.log.notifications, this.log.console];
  }
}

/** What a pcapng file says of the capture. */
function originOf(interfaceName: string, { podName, podNamespace, nodeName, pcapFilter }: Settings): CaptureOrigin {
  const node = nodeName === '' ? '' : ` on node ${nodeName}`;
  return { interfaceName, description: `pod ${podNamespace}/${podName}${node}`, filter: pcapFilter };
}
