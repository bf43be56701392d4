import type { AgentRun } from '../test/lab/agent.ts';
import type { Program } from '../test/lab/program.ts';

/** What a capturing program says it saw. */
export interface Captured {
  readonly seen: number;
  readonly dropped: number;
  /** For how many seconds the agent did less than it was told to (ADR 0015). */
  readonly shedSeconds: number;
}

function numberBefore(words: RegExp, text: string): number {
  const found = text.match(words)?.[1];
  if (found === undefined) throw new Error(`Cannot read ${words} in: ${text}`);
  return Number(found);
}

/** tcpdump's last words on standard error. */
export function capturedByTcpdump({ stderr }: Program): Captured {
  return {
    seen: numberBefore(/(\d+) packets? captured/, stderr),
    dropped: numberBefore(/(\d+) packets? dropped by kernel/, stderr),
    shedSeconds: 0,
  };
}

/** tshark's last words on standard error: it is silent about drops when there were none. */
export function capturedByTshark({ stderr }: Program): Captured {
  return {
    seen: numberBefore(/(\d+) packets? captured/, stderr),
    dropped: Number(stderr.match(/(\d+) packets? dropped/)?.[1] ?? 0),
    shedSeconds: 0,
  };
}

/** The counters that the agent writes into log_notif at the end of a session. -1: its source cannot know. */
export function capturedByAgent(agent: AgentRun, interfaceIndex: number): Captured {
  const counters = agent.files(interfaceIndex).log.findLast(({ msg }) => msg === 'capture counters');
  if (counters === undefined) throw new Error(`Cannot find the capture counters\n${agent.transcript()}`);
  const { received, kernelDrops, agentDrops, overload } = counters;
  const dropped = [kernelDrops, agentDrops].map(Number).filter((drops) => drops > 0);
  return {
    seen: Number(received),
    dropped: dropped.reduce((sum, drops) => sum + drops, 0),
    shedSeconds: (overload as { readonly shedSeconds: number }).shedSeconds,
  };
}
