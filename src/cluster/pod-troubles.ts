import { keyOf, type PodTrouble, type TroubleIdentity } from './pod-trouble.ts';

/** A trouble begins anew when it was away for this long, as the cluster forgets its object after an hour. */
const FORGET_MS = 20 * 60_000;

/**
 * The troubles of a pod, as many as `most`. When there are more, those of the greediest kind make room: a port scan
 * crowds out other refusals, never a TLS failure.
 */
export class PodTroubles {
  readonly #most: number;
  /** By `keyOf`, those that came longest ago first. */
  readonly #troubles = new Map<string, PodTrouble>();
  /** When something of a kind was told last. */
  readonly #toldMs = new Map<string, number>();
  /** Troubles of each kind that has any. */
  readonly #sizes = new Map<string, number>();
  #dropped = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Troubles that had to go before all of them was told. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Counts an occurrence; `reason` is for a trouble that begins with it. Returns null when it had to go at once. */
  count(identity: TroubleIdentity, reason: string, nowMs: number): PodTrouble | null {
    const key = keyOf(identity);
    const known = this.#troubles.get(key);
    if (known === undefined) this.#resize(kindOf(identity), 1);
    this.#troubles.delete(key);
    const trouble =
      known !== undefined && nowMs - known.lastMs < FORGET_MS ? known : newTrouble(identity, reason, nowMs);
    trouble.count++;
    trouble.lastMs = nowMs;
    this.#troubles.set(key, trouble);
    if (this.#troubles.size > this.#most) this.#makeRoom();
    return this.#troubles.has(key) ? trouble : null;
  }

  /** The trouble that is known by an identity; null when there is none. */
  get(identity: TroubleIdentity): PodTrouble | null {
    return this.#troubles.get(keyOf(identity)) ?? null;
  }

  /** All of them, those first whose kind was told of longest ago, and of one kind those that were told longest ago. */
  inTurn(): PodTrouble[] {
    const kindToldMs = (trouble: PodTrouble) => this.#toldMs.get(kindOf(trouble)) ?? 0;
    return [...this.#troubles.values()].sort((a, b) => kindToldMs(a) - kindToldMs(b) || a.toldMs - b.toldMs);
  }

  /** Notes that a trouble was told. */
  told(trouble: PodTrouble, count: number, nowMs: number): void {
    trouble.told = count;
    trouble.toldMs = nowMs;
    this.#toldMs.set(kindOf(trouble), nowMs);
  }

  /** Of the kind that has most, the one that came least often goes, of several the one that came longest ago. */
  #makeRoom(): void {
    const [greediest] = [...this.#sizes].reduce((a, b) => (b[1] > a[1] ? b : a));
    let least: PodTrouble | null = null;
    for (const trouble of this.#troubles.values()) {
      if (kindOf(trouble) === greediest && (least === null || trouble.count < least.count)) least = trouble;
    }
    if (least === null) return;
    this.#troubles.delete(keyOf(least));
    this.#resize(greediest, -1);
    if (least.told < least.count) this.#dropped++;
  }

  #resize(kind: string, change: number): void {
    const size = (this.#sizes.get(kind) ?? 0) + change;
    if (size > 0) this.#sizes.set(kind, size);
    else this.#sizes.delete(kind);
  }
}

/** What has a fair share of the room: bounded in number, whatever peers do. */
function kindOf({ name, podSide }: TroubleIdentity): string {
  return `${name} ${podSide}`;
}

function newTrouble(identity: TroubleIdentity, reason: string, nowMs: number): PodTrouble {
  return {
    ...identity,
    objectName: null,
    reason,
    latest: null,
    count: 0,
    firstMs: nowMs,
    lastMs: nowMs,
    told: 0,
    toldMs: 0,
  };
}
