import type { Settings } from '../config/settings.ts';
import { HttpHeaderMask } from '../mask/http-header-mask.ts';
import type { Connection } from '../model/connection.ts';
import type { DnsQuestion } from '../model/dns-question.ts';
import type { ConnectionSummary, NetworkEvent } from '../model/event.ts';
import { everyStepInTurn } from '../model/every-step.ts';
import type { SettingsView } from '../model/live-settings.ts';
import { MEBIBYTE } from '../model/mebibyte.ts';
import type { MemoryRoom } from '../model/memory-room.ts';
import type { PacketNotes } from '../model/packet-notes.ts';
import type { PacketRecords } from '../model/packet-records.ts';
import { DiskBudget } from '../output/disk-budget.ts';
import { DnsFile } from '../output/dns-file.ts';
import { EbpfLog } from '../output/ebpf-log.ts';
import { EndFlowFile } from '../output/end-flow-file.ts';
import { EventFile } from '../output/event-file.ts';
import { FlowFile } from '../output/flow-file.ts';
import { FreeSpace } from '../output/free-space.ts';
import type { Network } from '../output/internet.ts';
import type { OutputTarget } from '../output/output-target.ts';
import { PcapFiles } from '../output/pcap-file.ts';
import type { CaptureOrigin, CaptureTotals } from '../output/pcapng-file.ts';
import { ProcessFlowFile } from '../output/process-flow-file.ts';
import type { RotatingFile } from '../output/rotating-file.ts';
import { type LogFields, SessionLog } from '../output/session-log.ts';
import type { DumpSink } from '../pipeline/dumps.ts';
import type { OutputSink } from '../pipeline/emitter.ts';
import { DiskFaults, type Losses } from './disk-faults.ts';

const MOST_PENDING_DUMP_BYTES = 32 * MEBIBYTE;

/** Where a session's files stand, and what they name. */
export interface SessionFilesOptions {
  readonly directory: string;
  readonly settings: SettingsView<Settings>;
  readonly interfaceName: string;
  /** Networks whose addresses do not count as internet. */
  readonly ownNetworks: readonly Network[];
  /** Console lines for people. */
  readonly print?: (line: string) => void;
  /** What the capture received and lost up to now; null when it is not known. */
  readonly captureTotals?: () => CaptureTotals | null;
  /** For lines and pcaps that wait for the disk; there is always some when missing. */
  readonly room?: MemoryRoom;
  /** The time of log lines, in milliseconds since 1970-01-01. */
  readonly clock: () => number;
  /** Called when all files are closed. */
  readonly onClosed?: () => void;
}

/** What is written with `USE_EBPF=Y` only. */
export interface EbpfFiles {
  readonly flows: ProcessFlowFile;
  readonly log: EbpfLog;
}

/** All files of one session. */
export class SessionFiles implements OutputSink, DumpSink {
  readonly log: SessionLog;
  readonly #flows: FlowFile;
  readonly #endFlows: EndFlowFile;
  readonly #events: EventFile;
  readonly #questions: DnsFile;
  readonly #writesDns: () => boolean;
  readonly #dumps: PcapFiles;
  readonly #budget: DiskBudget;
  readonly #clock: () => number;
  readonly #target: OutputTarget;
  readonly #space: FreeSpace;
  readonly #faults: DiskFaults;
  #mask: HttpHeaderMask;
  #closed: Promise<void> | null = null;
  #withheldLines = 0;
  #withheldDumps = 0;
  #ebpf: EbpfFiles | null = null;
  readonly #onClosed: () => void;
  /** Of files that are closed. */
  #lostLinesBefore = 0;

  constructor(options: SessionFilesOptions) {
    const { directory, settings, interfaceName, ownNetworks, print, captureTotals, clock, room } = options;
    const { current } = settings;
    const { podName, podNamespace } = current;
    this.#clock = clock;
    this.#onClosed = options.onClosed ?? (() => undefined);
    this.#mask = new HttpHeaderMask(current.maskHttpHeaders);
    const target = {
      directory,
      ...(room && { room }),
      onWritten: (bytes: number) => {
        this.#budget.wrote(bytes);
        this.#faults.wrote();
      },
      onError: (message: string) => this.#faults.fault(message),
    };
    this.#target = target;
    this.log = new SessionLog({
      ...target,
      level: current.logLevel,
      podName,
      podNamespace,
      interfaceName,
      clock,
      ...(print === undefined ? {} : { print }),
    });
    this.#faults = new DiskFaults(clock, () => this.losses, this.log);
    this.#flows = new FlowFile(target, interfaceName, ownNetworks);
    this.#endFlows = new EndFlowFile(target);
    this.#events = new EventFile(target, { interfaceName, podName, podNamespace });
    this.#questions = new DnsFile(target);
    this.#writesDns = () => current.eventsForDns;
    this.#dumps = new PcapFiles({
      directory,
      ...(room && { room }),
      format: current.pcapFormat,
      origin: () => originOf(interfaceName, current),
      ...(captureTotals === undefined ? {} : { totals: captureTotals }),
      prepare: (records) => this.#mask.apply(records),
      onWritten: (file, bytes) => {
        target.onWritten(bytes);
        this.#budget.wrote(0, 1);
        this.log.info('pcap written', { file, bytes });
      },
      onError: target.onError,
    });
    this.#budget = new DiskBudget({
      directory,
      maxBytes: current.maxLogMb * MEBIBYTE,
      maxPcaps: current.maxPcaps,
      isOpen: (name) => this.#all().some((file) => file.openName === name),
      onDeleted: (name, bytes, key) => this.log.info(`deleted the oldest file to keep ${key}`, { file: name, bytes }),
      onError: (message) => this.log.error(message),
    });
    this.#space = new FreeSpace({
      directory,
      minFreeBytes: current.minFreeMb * MEBIBYTE,
      onChange: (message) => this.log.warn(message),
    });
    this.#follow(settings);
  }

  /** Makes all files appear, named by `timeUs`, without waiting for their first line. */
  start(timeUs: number): void {
    for (const { file } of [this.#flows, this.#endFlows, this.#events]) file.start(timeUs);
    if (this.#writesDns()) this.#questions.file.start(timeUs);
  }

  /** Minds MIN_FREE_MB from now on; without this call nothing stops for lack of room. Resolves after the first look. */
  async watchSpace(): Promise<void> {
    await this.#space.watch();
  }

  /** The files that there are only with `USE_EBPF=Y`; they appear when they are asked for. */
  openEbpf(): EbpfFiles {
    if (this.#ebpf === null) {
      this.#ebpf = { flows: new ProcessFlowFile(this.#target), log: new EbpfLog(this.#target, this.#clock) };
      for (const { file } of [this.#ebpf.flows, this.#ebpf.log]) file.start(this.#clock() * 1000);
    }
    return this.#ebpf;
  }

  /** Writes what waits in those files and closes them. */
  async closeEbpf(): Promise<void> {
    const files = this.#ebpf;
    this.#ebpf = null;
    if (files === null) return;
    const closed = [files.flows.file, files.log.file];
    await Promise.all(closed.map((file) => file.close()));
    this.#lostLinesBefore += lostLinesOf(closed);
  }

  connectionBegan(connection: Connection): void {
    if (this.#space.allowsFlows) this.#flows.write(connection);
    else this.#withheldLines++;
  }

  occurred(): void {} // counting is done on the way here

  queryOccurred(): void {} // likewise

  queryAnswered(): void {} // likewise

  questionEnded(question: DnsQuestion): void {
    if (!this.#writesDns()) return;
    if (this.#space.allowsFlows) this.#questions.write(question);
    else this.#withheldLines++;
  }

  connectionEnded(connection: Connection): void {
    if (this.#space.allowsFlows) this.#endFlows.write(connection);
    else this.#withheldLines++;
  }

  event(event: NetworkEvent): void {
    this.#events.write(event);
  }

  /** An event as it stands in its file. */
  formatEvent(event: NetworkEvent): string {
    return this.#events.format(event);
  }

  note(message: string, fields: LogFields): void {
    this.log.info(message, fields);
  }

  reserveDump(ends: ConnectionSummary, timeUs: number): string | null {
    if (this.#space.allowsPcaps) return this.#dumps.reserve(ends, timeUs);
    this.#withheldDumps++;
    return null;
  }

  writeDump(name: string, records: PacketRecords, notes: PacketNotes): void {
    if (this.#space.allowsPcaps) this.#dumps.write(name, records, notes);
    else {
      this.#withheldDumps++;
      this.releaseDump(name);
    }
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
    const { lostLines, lostDumps } = this.losses;
    if (lostLines + lostDumps === 0) return null;
    const { lastFault } = this.#faults;
    return `${lostLines} lines and ${lostDumps} pcaps could not be written${lastFault === null ? '' : `: ${lastFault}`}`;
  }

  /** Bytes in the directory, as far as is known. */
  get diskBytes(): number {
    return this.#budget.usedBytes;
  }

  /** What was not written up to now. */
  get losses(): Losses {
    const { failed, dropped } = this.#dumps.counters;
    return {
      lostLines: this.#lostLinesBefore + lostLinesOf(this.#all()),
      lostDumps: failed + dropped,
      withheldLines: this.#withheldLines,
      withheldDumps: this.#withheldDumps,
    };
  }

  /** To be called once in a while: tells what is lost, at most once a minute. */
  tellLosses(): void {
    this.#faults.advance();
  }

  /** Writes what waits and closes all files, the log last, whatever fails. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= everyStepInTurn(
      () => this.#space.close(),
      () => this.#dumps.idle(),
      async () => {
        await Promise.all([this.#flows, this.#endFlows, this.#events, this.#questions].map(({ file }) => file.close()));
      },
      () => this.closeEbpf(),
      () => this.log.close(),
      () => this.#onClosed(),
    );
    return this.#closed;
  }

  /** Goes by other settings once they hold. */
  #follow(settings: SettingsView<Settings>): void {
    const { current } = settings;
    settings.onChange(['logLevel'], () => {
      this.log.level = current.logLevel;
    });
    settings.onChange(['pcapFormat'], () => {
      this.#dumps.format = current.pcapFormat;
    });
    settings.onChange(['maskHttpHeaders'], () => {
      this.#mask = new HttpHeaderMask(current.maskHttpHeaders);
    });
    settings.onChange(['maxLogMb', 'maxPcaps'], () =>
      this.#budget.setLimits(current.maxLogMb * MEBIBYTE, current.maxPcaps),
    );
    settings.onChange(['minFreeMb'], () => this.#space.setMinFreeBytes(current.minFreeMb * MEBIBYTE));
  }

  #all(): readonly RotatingFile[] {
    const ebpf = this.#ebpf === null ? [] : [this.#ebpf.flows.file, this.#ebpf.log.file];
    return [
      this.#flows.file,
      this.#endFlows.file,
      this.#events.file,
      this.#questions.file,
      this.log.notifications,
      this.log.console,
      ...ebpf,
    ];
  }
}

function lostLinesOf(files: readonly RotatingFile[]): number {
  return files.reduce((sum, file) => sum + file.counters.lostLines, 0);
}

/** What a pcapng file says of the capture. */
function originOf(interfaceName: string, { podName, podNamespace, nodeName, pcapFilter }: Settings): CaptureOrigin {
  const node = nodeName === '' ? '' : ` on node ${nodeName}`;
  return { interfaceName, description: `pod ${podNamespace}/${podName}${node}`, filter: pcapFilter };
}
