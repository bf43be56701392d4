import { everyStep } from '../model/every-step.ts';
import type { SettingsView } from '../model/live-settings.ts';
import type { OutputSink } from '../pipeline/emitter.ts';
import type { PodInterface, PodNamespace } from '../process/pod-namespace.ts';
import { PodNamespaceRetry } from '../process/pod-namespace-retry.ts';
import { ProcessFinder } from '../process/process-finder.ts';
import type { ProcessKnowledge } from '../process/process-knowledge.ts';
import { type EbpfFiles, EbpfSession } from './ebpf-session.ts';
import { NamedOutput } from './named-output.ts';

/** What a session's connections are attributed with. */
export interface AttributionOptions {
  /** Where reports go once they are named. */
  readonly sink: OutputSink;
  /** Slots of the connection table. */
  readonly capacity: number;
  readonly pod: PodInterface;
  readonly knowledge: ProcessKnowledge;
  readonly files: EbpfFiles;
  readonly settings: SettingsView<{ readonly useEbpf: boolean }>;
  /** Told what goes wrong outside of any call. */
  readonly fail: (error: unknown) => void;
}

/** Finds out, for one session, which process of the pod each connection belongs to. */
export class Attribution {
  /** Takes reports in, and hands them on with their process. */
  readonly reports: NamedOutput;
  readonly #knowledge: ProcessKnowledge;
  readonly #ebpf: EbpfSession;
  readonly #search: PodNamespaceRetry;
  #isClosed = false;

  constructor({ sink, capacity, pod, knowledge, files, settings, fail }: AttributionOptions) {
    const note = (message: string) => files.log.warn(message);
    this.#knowledge = knowledge;
    this.reports = new NamedOutput({ sink, capacity, knowledge, missed: () => this.#search.retrySoon(), fail });
    this.#ebpf = new EbpfSession({ tracer: knowledge.tracer, files, reports: this.reports, settings });
    const found = (namespace: PodNamespace) => {
      this.reports.use(new ProcessFinder(knowledge, namespace, note));
      this.#ebpf.found(namespace.inode);
    };
    this.#search = new PodNamespaceRetry({ pod, found, note, fail });
  }

  /** Begins to look for the pod's network namespace, and with it for processes. */
  start(): void {
    this.#ebpf.start();
    this.#search.start();
  }

  /** Takes in what eBPF saw; to be called before packets are read. */
  poll(): void {
    this.#knowledge.tracer.poll();
  }

  /** Names what can be named now; to be called after packets were read. */
  turn(): void {
    this.reports.turn();
  }

  /** To be called now and then: lets go of what keeps the pod's namespace, and with it its interface, alive. */
  rest(): void {
    this.reports.rest();
  }

  counters(): Readonly<Record<string, number | null>> {
    return { ...this.reports.counters(), lostRecords: this.#ebpf.lost() };
  }

  /** Names what can still be named, and lets everything go on to the files. Nothing may be reported any more. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    everyStep(
      () => this.#search.close(),
      () => this.poll(),
      () => this.reports.close(),
      () => this.#ebpf.close(),
    );
  }
}
