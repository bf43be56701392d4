import type { EventCode } from '../model/event-code.ts';
import type { Failures, Server } from './servers.ts';
import type { TroubleGroup } from './trouble-group.ts';

/** How many connections a trouble hit. */
export interface Counts {
  readonly failed: number;
  /** Connections to the same server in the same time, these included. */
  readonly all: number;
  /** Other trouble of this server goes by the same code, and not every connection is told by an event. */
  readonly isAtLeast: boolean;
  /** What the lines of connections tell of it and of nothing else; empty where that cannot be told apart. */
  readonly failures: readonly Failures[];
}

/**
 * Counts the connections of a trouble: from the lines of connections, which leave nothing out, and from events of
 * connections that are still open. `groups`: all trouble of the server, `open`: client ends of its connections in
 * trouble that have not ended.
 */
export function countsOf(
  group: TroubleGroup,
  groups: readonly TroubleGroup[],
  server: Server | undefined,
  open: ReadonlySet<string>,
): Counts {
  const stillOpen = [...group.connections].filter((client) => open.has(client)).length;
  const told = group.connections.size - stillOpen;
  const failures: Failures[] = [];
  let counted = 0;
  let shared = 0;
  for (const code of group.severity === 'worth knowing' ? [] : group.codes.keys()) {
    const failure = server?.failures.get(code);
    if (failure === undefined) continue;
    const others = groups.filter((other) => other !== group && claims(other, code));
    if (others.length === 0) {
      failures.push(failure);
      counted += failure.count;
    } else if (told + sum(others.map(({ connections }) => connections.size)) < failure.count) {
      shared++;
    }
  }
  const failed = Math.max(counted, told) + stillOpen;
  return {
    failed,
    all: Math.max((server?.connections ?? 0) + open.size, failed),
    isAtLeast: shared > 0 || (group.hasMoreConnections && counted <= told),
    failures,
  };
}

function claims({ codes, severity }: TroubleGroup, code: EventCode): boolean {
  return severity !== 'worth knowing' && codes.has(code);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
