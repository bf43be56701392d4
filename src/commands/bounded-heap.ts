import type { MemoryPlan } from '../config/memory-plan.ts';
import { replaceProcess } from '../native/replace-process.ts';

const OLD_SPACE = '--max-old-space-size';
const SEMI_SPACE = '--max-semi-space-size';

/**
 * Begins again, in the same process, with the heap that the plan has room for: the engine takes its limits when it starts.
 * Comes back where they were given, and where that failed, with the reason; null for none.
 */
export function boundHeap({ heapMb, semiSpaceMb }: MemoryPlan): string | null {
  const given = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].join(' ').replaceAll('_', '-');
  if (given.includes(OLD_SPACE)) return null;
  const flags = [`${OLD_SPACE}=${heapMb}`, `${SEMI_SPACE}=${semiSpaceMb}`];
  const { message } = replaceProcess(process.execPath, [...flags, ...process.execArgv, ...process.argv.slice(1)]);
  return `The heap is not bounded: ${message}`;
}
