import { ASSERTING, assert } from '../model/assert.ts';
import { MEMORY_USES, type MemoryRoom, type MemoryUse } from '../model/memory-room.ts';

/** As little as is asked to be given back at once: giving back costs about as much for a little as for this. */
const LEAST_GIVEN_BYTES = 2 << 20;
/** The part of the budget that only what cannot wait may use: guaranteed minima, rings. */
const SPARE_SHARE = 1 / 16;

/** Gives about so many bytes back to the system, and answers how many; what is given back is said to the room as well. */
export type Shrinker = (bytes: number) => number;

function zeros(): Record<MemoryUse, number> {
  return Object.fromEntries(MEMORY_USES.map((use) => [use, 0])) as Record<MemoryUse, number>;
}

/**
 * One budget of memory for all sessions of an agent: pure accounting, what is taken and given back is done by others.
 *
 * Whoever grows asks, in pieces. When there is no room, the largest session gives way first: as long as a larger one than
 * that which asks (or itself) keeps packets beyond its guaranteed minimum, they go; then what the backlog does not need;
 * then what is asked for is refused, and a table that may not grow evicts. So a session that grows at the cost of others does
 * so only until it is the largest itself. Its minimum a session has whatever others use.
 */
export class MemoryBudget {
  #limitBytes: number;
  /** What is used by sessions, or kept free for them up to their minima, and what they share. */
  #chargedBytes = 0;
  readonly #shares = new Set<MemoryShare>();
  /** Goes up whenever something is given back: what was refused before would be refused again until then. */
  #changes = 0;
  #isShrinking = false;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** What may be used in all. */
  get limitBytes(): number {
    return this.#limitBytes;
  }

  /** Sets another limit. Where more is used already, packets give way; what cannot give way stays. */
  set limitBytes(bytes: number) {
    this.#limitBytes = bytes;
    this.#changes++;
    if (this.#chargedBytes > bytes) this.#makeRoom(null, this.#chargedBytes - bytes);
  }

  /** What is used, and kept free for guaranteed minima. */
  get chargedBytes(): number {
    return this.#chargedBytes;
  }

  /** What is used. */
  get usedBytes(): number {
    let bytes = 0;
    for (const share of this.#shares) bytes += share.totalBytes;
    return bytes;
  }

  /** Goes up whenever a refusal may be over. */
  get changes(): number {
    return this.#changes;
  }

  /** A share for a session, or for what all of them use, with so many bytes that nobody else gets. */
  share(minimumBytes: number): MemoryShare {
    const share = new MemoryShare(this, minimumBytes);
    this.#shares.add(share);
    this.charge(minimumBytes);
    return share;
  }

  /** Adds up what each use takes, and how often it gave way. */
  figures(): { readonly usedBytes: Record<MemoryUse, number>; readonly gaveWay: Record<MemoryUse, number> } {
    const [usedBytes, gaveWay] = [zeros(), zeros()];
    for (const share of this.#shares) {
      for (const use of MEMORY_USES) {
        usedBytes[use] += share.usedBytes[use];
        gaveWay[use] += share.gaveWay[use];
      }
    }
    return { usedBytes, gaveWay };
  }

  /** Called by shares: so many bytes more are charged, whether there is room or not; packets give way where there is none. */
  charge(bytes: number): void {
    this.#chargedBytes += bytes;
    if (bytes < 0) this.#changes++;
    else if (this.#chargedBytes > this.#limitBytes) this.#makeRoom(null, this.#chargedBytes - this.#limitBytes);
  }

  /** Called by shares: true when so many bytes more may be charged for `share`, after others have given way where they can. */
  admits(share: MemoryShare, use: MemoryUse, bytes: number): boolean {
    const missing = this.#chargedBytes + bytes - this.#limitBytes * (1 - SPARE_SHARE);
    return missing <= 0 || this.#makeRoom({ share, use }, missing);
  }

  /** Called by shares that end. */
  remove(share: MemoryShare): void {
    this.#shares.delete(share);
    this.#changes++;
  }

  /** Has others give way until `bytes` more are free; false when that cannot be done. */
  #makeRoom(asking: { readonly share: MemoryShare; readonly use: MemoryUse } | null, bytes: number): boolean {
    if (this.#isShrinking) return false; // who gives way must not have others give way
    this.#isShrinking = true;
    try {
      const before = this.#chargedBytes;
      const spent = new Set<MemoryShare>();
      while (before - this.#chargedBytes < bytes) {
        const victim = this.#victim(asking, spent);
        if (victim === null) return false;
        const missing = bytes - (before - this.#chargedBytes);
        const charged = this.#chargedBytes;
        victim.giveWay(Math.max(missing, LEAST_GIVEN_BYTES));
        if (this.#chargedBytes >= charged) spent.add(victim);
      }
      return true;
    } finally {
      this.#isShrinking = false;
    }
  }

  /** Who gives way next: the largest of those who can, unless who asks is larger. */
  #victim(
    asking: { readonly share: MemoryShare; readonly use: MemoryUse } | null,
    spent: ReadonlySet<MemoryShare>,
  ): MemoryShare | null {
    let victim: MemoryShare | null = null;
    for (const share of this.#shares) {
      if (spent.has(share) || !share.canGiveWay) continue;
      if (asking !== null && !mayDisplace(asking.share, asking.use, share)) continue;
      if (victim === null || share.rank > victim.rank) victim = share;
    }
    return victim;
  }
}

/** Whether `other` gives way to a session that asks. Who asks for packets replaces its own, and gets no more by that. */
function mayDisplace(asking: MemoryShare, use: MemoryUse, other: MemoryShare): boolean {
  if (other.isShared) return true;
  if (other === asking) return use !== 'packets';
  return other.totalBytes > asking.totalBytes + LEAST_GIVEN_BYTES;
}

/** What one session, or what all of them share, uses of the budget. */
export class MemoryShare {
  readonly usedBytes = zeros();
  /** Times that memory was given back for others, or was refused. */
  readonly gaveWay = zeros();
  /** It belongs to no session: what it does not need goes after packets of sessions. */
  isShared = false;
  readonly #budget: MemoryBudget;
  readonly #minimumBytes: number;
  #totalBytes = 0;
  #shrink: { readonly use: MemoryUse; readonly by: Shrinker } | null = null;
  #isClosed = false;

  /** Use `MemoryBudget.share`. */
  constructor(budget: MemoryBudget, minimumBytes: number) {
    this.#budget = budget;
    this.#minimumBytes = minimumBytes;
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** Who has most gives way first; what is shared, last. */
  get rank(): number {
    return this.isShared ? -1 : this.#totalBytes;
  }

  /** Whether there is something beyond the minimum that can be given back. */
  get canGiveWay(): boolean {
    return this.#shrink !== null && this.#totalBytes > this.#minimumBytes && this.usedBytes[this.#shrink.use] > 0;
  }

  /** Memory for one use. */
  room(use: MemoryUse): MemoryRoom {
    let refusedBytes = 0;
    let refusedAt = -1;
    return {
      take: (bytes) => {
        if (bytes >= refusedBytes && refusedAt === this.#budget.changes) return false;
        if (this.#take(use, bytes)) return true;
        this.gaveWay[use]++;
        refusedBytes = bytes;
        refusedAt = this.#budget.changes;
        return false;
      },
      use: (bytes) => this.#add(use, bytes),
      give: (bytes) => this.#add(use, -bytes),
    };
  }

  /** Says how memory of one use is given back when others need it. */
  gives(use: MemoryUse, by: Shrinker): void {
    this.#shrink = { use, by };
  }

  /** Called by the budget: gives back about so many bytes, but not below the minimum. */
  giveWay(bytes: number): void {
    const shrink = this.#shrink;
    if (shrink === null) return;
    const given = shrink.by(Math.min(bytes, this.#totalBytes - this.#minimumBytes));
    if (given > 0) this.gaveWay[shrink.use]++;
  }

  /** Gives back all of it. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#shrink = null;
    this.#budget.charge(-Math.max(this.#totalBytes, this.#minimumBytes));
    this.#budget.remove(this);
  }

  #take(use: MemoryUse, bytes: number): boolean {
    const more = this.#chargeOf(bytes);
    if (more > 0 && !this.#budget.admits(this, use, more)) return false;
    this.#add(use, bytes);
    return true;
  }

  #add(use: MemoryUse, bytes: number): void {
    if (this.#isClosed) return;
    const charge = this.#chargeOf(bytes);
    this.usedBytes[use] += bytes;
    this.#totalBytes += bytes;
    if (ASSERTING) assert(this.usedBytes[use] >= 0, `no more ${use} is given back than was taken`);
    if (charge !== 0) this.#budget.charge(charge);
  }

  /** By how much the budget is charged more when so many bytes more are used. */
  #chargeOf(bytes: number): number {
    const minimum = this.#minimumBytes;
    return Math.max(this.#totalBytes + bytes, minimum) - Math.max(this.#totalBytes, minimum);
  }
}
