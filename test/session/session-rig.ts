import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CaptureCounters, LiveSource, SourceState } from '../../src/capture/packet-source.ts';
import { Pulse } from '../../src/capture/pulse.ts';
import { planMemory } from '../../src/config/memory-plan.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../src/config/settings.ts';
import { ProcessKnowledge } from '../../src/process/process-knowledge.ts';
import { AgentMemory } from '../../src/session/agent-memory.ts';
import { LiveSession } from '../../src/session/live-session.ts';
import { PART_OPENERS, type PartOpeners, type SessionOptions } from '../../src/session/session-parts.ts';
import type { SharedParts } from '../../src/session/shared-parts.ts';

const LOOPBACK = 1;

/** A source of no frames at all, with a descriptor that can be left behind. */
export class SilentSource implements LiveSource {
  readonly description = 'silence';
  readonly interfaceName = 'lo';
  usesStore = true;
  #fd = openSync('/dev/null', 'r');
  #answer: (state: SourceState) => void = () => undefined;

  next(): boolean {
    return false;
  }

  ready(): Promise<SourceState> {
    if (this.#fd < 0) return Promise.resolve('closed');
    return new Promise((resolve) => {
      this.#answer = resolve;
    });
  }

  counters(): CaptureCounters {
    return { frames: 0, bytes: 0, kernelDrops: 0, agentDrops: 0 };
  }

  setFilter(): boolean {
    return true;
  }

  backlogLevel(): number {
    return 0;
  }

  close(): void {
    if (this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
    this.#answer('closed');
  }
}

/** What a test makes of the session it starts. */
export interface RigOptions {
  readonly openers?: Partial<PartOpeners>;
  readonly settings?: Partial<Settings>;
  readonly options?: Partial<SessionOptions>;
}

/** Sessions whose files stand in a directory of their own, which goes with `close`. */
export class SessionRig {
  readonly directory = mkdtempSync(join(tmpdir(), 'dllt-session-'));
  /** What its sessions share. */
  readonly shared: SharedParts = {
    logDirectory: join(this.directory, 'logs'),
    knowledge: new ProcessKnowledge(),
    feed: null,
    memory: new AgentMemory(planMemory(512)),
    pulse: new Pulse(),
  };

  /** A session on loopback that captures nothing. */
  session({ openers, settings, options }: RigOptions = {}): LiveSession {
    return new LiveSession(
      {
        settings: { ...DEFAULT_SETTINGS, maxConnections: 1_000, bufferMb: 1, ringMb: 1, ...settings },
        place: { hostIndex: LOOPBACK, interfaceIndex: LOOPBACK, side: 'pod' },
        warnings: [],
        shared: this.shared,
        print: () => undefined,
        ...options,
      },
      { ...PART_OPENERS, source: () => ({ source: new SilentSource(), note: null }), ...openers },
    );
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Lets a method do its work and throw then, or the promise it returns reject. `isBroken`: only while that holds. */
export function breakMethod<Part extends object>(part: Part, name: keyof Part & string, isBroken = () => true): Part {
  const method = part[name] as (...args: unknown[]) => unknown;
  const fail = () => {
    if (isBroken()) throw new Error(`broken: ${name}`);
  };
  const broken = function (this: unknown, ...args: unknown[]): unknown {
    const result = method.apply(part, args);
    if (result instanceof Promise) return result.then(fail);
    fail();
    return result;
  };
  return Object.assign(part, { [name]: broken });
}
