import { WorkBudget } from '../limits/work-budget.ts';
import { threadCpuMs } from '../native/clock.ts';
import { ConnectionTracer } from './connection-tracer.ts';
import { ProcessFacts } from './process-facts.ts';
import { ProcessTable } from './process-table.ts';

/** Of one core, at most this part is used for naming processes, however many pods there are. */
const SHARE_OF_A_CORE = 0.18;
/** What may be used at once after a rest, in milliseconds. */
const BURST_MS = 150;

/** What the whole agent knows of the machine's processes, and the time it may spend on it. */
export class ProcessKnowledge {
  readonly processes = new ProcessTable();
  readonly facts = new ProcessFacts();
  /** Works only while somebody watches with it. */
  readonly tracer = new ConnectionTracer();
  readonly budget = new WorkBudget(SHARE_OF_A_CORE, BURST_MS);

  /** CPU time this thread has used, in milliseconds: on a busy machine other programs' turns are not ours. */
  readonly cpuMs = threadCpuMs;

  /** A steady clock, in milliseconds. */
  readonly now = (): number => performance.now();
}
