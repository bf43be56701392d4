import type { Pulse } from '../capture/pulse.ts';
import type { ProcessKnowledge } from '../process/process-knowledge.ts';
import type { AgentMemory } from './agent-memory.ts';
import type { PageFeed } from './page-feed.ts';

/** What all live sessions of an agent share. */
export interface SharedParts {
  /** Where each session has its directory. */
  readonly logDirectory: string;
  /** What is known of the processes of this machine. */
  readonly knowledge: ProcessKnowledge;
  /** What is kept for live pages; null when there are none. */
  readonly feed: PageFeed | null;
  /** The memory that they divide. */
  readonly memory: AgentMemory;
  /** Looks at their rings. */
  readonly pulse: Pulse;
}
