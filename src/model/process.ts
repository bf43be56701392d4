/** Who owns a socket. */
export interface ProcessIdentity {
  /** Thread group id in the agent's pid namespace (on a node: the node's), -1 when unknown. */
  readonly pid: number;
  /** The same in the process's own pid namespace, when that is another one. */
  readonly podPid?: number;
  readonly ppid: number;
  readonly uid: number;
  /** Short name (`comm`), `?` when unknown. */
  readonly name: string;
  /** Command line, cut and masked; empty when unknown. */
  readonly commandLine: string;
}

/** What is written for a connection whose process nobody saw. */
export const UNKNOWN_PROCESS: ProcessIdentity = { pid: -1, ppid: -1, uid: -1, name: '?', commandLine: '' };
