import type { PodEvents } from '../cluster/pod-events.ts';
import type { CauseId } from '../model/cause-id.ts';
import type { NetworkEvent } from '../model/event.ts';
import type { EventName } from '../model/event-code.ts';
import type { SettingsView } from '../model/live-settings.ts';
import type { TrackedConnection } from '../track/tracked-connection.ts';

/** Tells trouble as Events of the cluster for as long as KUBERNETES_EVENTS=Y. */
export class LivePodEvents {
  readonly #settings: SettingsView<{ readonly kubernetesEvents: boolean }>;
  readonly #open: () => PodEvents | null;
  /** Null when they are off, or cannot be had. */
  #events: PodEvents | null = null;
  #isClosed = false;

  /** `open` begins to tell, or returns null when that cannot be. */
  constructor(settings: SettingsView<{ readonly kubernetesEvents: boolean }>, open: () => PodEvents | null) {
    this.#settings = settings;
    this.#open = open;
  }

  start(): void {
    this.#settings.onChange(['kubernetesEvents'], () => this.#reopen());
    this.#reopen();
  }

  /** Troubles that were dropped untold. */
  get dropped(): number {
    return this.#events?.dropped ?? 0;
  }

  occurred(name: EventName, causeId: CauseId, connection: TrackedConnection): void {
    this.#events?.occurred(name, causeId, connection);
  }

  /** The same of a DNS question. */
  queryOccurred(event: NetworkEvent): void {
    this.#events?.queryOccurred(event);
  }

  report(event: NetworkEvent): void {
    this.#events?.report(event);
  }

  /** Tells what is untold, for a while at most, and no more from then on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#events?.close();
  }

  #reopen(): void {
    if (this.#isClosed) return;
    void this.#events?.close();
    this.#events = this.#settings.current.kubernetesEvents ? this.#open() : null;
  }
}
