import { everyStep } from '../model/every-step.ts';
import type { SettingsView } from '../model/live-settings.ts';
import type { SeenConnection } from '../model/seen-connection.ts';
import type { ConnectionTracer } from '../process/connection-tracer.ts';
import type { NamedOutput } from './named-output.ts';

/** Where a session says what its eBPF part does. */
export interface EbpfFiles {
  readonly log: Record<'info' | 'warn', (message: string, fields?: Readonly<Record<string, unknown>>) => void>;
  /** Opens the eBPF part's own files, or returns those that are open. */
  openEbpf(): {
    readonly log: { write(level: 'info' | 'error', message: string, fields?: Readonly<Record<string, unknown>>): void };
    readonly flows: { write(seen: SeenConnection): void };
  };
  closeEbpf(): Promise<void>;
}

/** What the eBPF part of a session works with. */
export interface EbpfSessionParts {
  readonly tracer: ConnectionTracer;
  readonly files: EbpfFiles;
  readonly reports: NamedOutput;
  readonly settings: SettingsView<{ readonly useEbpf: boolean }>;
}

/** The eBPF part of a session: there for as long as USE_EBPF=Y, once the pod's network namespace is known. */
export class EbpfSession {
  readonly #tracer: ConnectionTracer;
  readonly #files: EbpfFiles;
  readonly #reports: NamedOutput;
  readonly #settings: SettingsView<{ readonly useEbpf: boolean }>;
  #wanted = false;
  #namespace = 0;
  #watching = false;
  #lostBefore = 0;
  #lostTold = 0;

  constructor({ tracer, files, reports, settings }: EbpfSessionParts) {
    this.#tracer = tracer;
    this.#files = files;
    this.#reports = reports;
    this.#settings = settings;
  }

  /** Begins, and ends, as USE_EBPF says. */
  start(): void {
    this.#settings.onChange(['useEbpf'], () => this.#want(this.#settings.current.useEbpf));
    this.#want(this.#settings.current.useEbpf);
  }

  #want(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    if (wanted) {
      const { log } = this.#files.openEbpf();
      if (this.#namespace === 0) log.write('info', "waiting for a process in the pod's network namespace");
      else this.#watch();
      return;
    }
    this.close();
    void this.#files.closeEbpf();
  }

  /** The pod's network namespace is known, by its inode number. */
  found(namespace: number): void {
    this.#namespace = namespace;
    if (this.#wanted) this.#watch();
  }

  /** Records lost since the session began to use eBPF; null while it does not. New ones are told. */
  lost(): number | null {
    if (!this.#watching) return null;
    const lost = this.#tracer.lost - this.#lostBefore;
    if (lost > this.#lostTold) {
      const message = `eBPF had no room for ${lost - this.#lostTold} records; their connections may have no process`;
      this.#files.openEbpf().log.write('error', message, { lost });
      this.#files.log.warn(message, { lost });
    }
    this.#lostTold = lost;
    return lost;
  }

  /** Reads what is there a last time, and ends it; it may begin again. */
  close(): void {
    if (!this.#watching) return;
    everyStep(
      () => void this.lost(),
      () => {
        this.#watching = false;
        this.#tracer.unwatch(this.#namespace, this.#onSeen);
      },
      () => this.#reports.trace(null),
      () => this.#files.openEbpf().log.write('info', 'eBPF is no longer used'),
      () => this.#files.log.info('eBPF is no longer used'),
    );
  }

  #watch(): void {
    const { log } = this.#files.openEbpf();
    try {
      this.#tracer.watch(this.#namespace, this.#onSeen);
    } catch (error) {
      const message = `${(error as Error).message}; processes are named without eBPF`;
      log.write('error', message);
      this.#files.log.warn(message);
      return;
    }
    this.#watching = true;
    this.#lostBefore = this.#tracer.lost;
    this.#lostTold = 0;
    this.#reports.trace(this.#tracer);
    const facts = { networkNamespace: this.#namespace };
    log.write('info', 'eBPF sees who opens and who serves connections', facts);
    this.#files.log.info('eBPF is used to name processes', facts);
  }

  readonly #onSeen = (seen: SeenConnection): void => {
    this.#files.openEbpf().flows.write(seen);
    this.#reports.saw(seen);
  };
}
