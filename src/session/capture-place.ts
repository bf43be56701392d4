/** Where a session captures. */
export interface CapturePlace {
  /** Index on the node of the interface that is monitored: it names the session's directory. */
  readonly hostIndex: number;
  /** Index of the interface that is captured, in its network namespace. */
  readonly interfaceIndex: number;
  /** Network namespace of that interface, e.g. `/proc/1234/ns/net`; the agent's own when missing. */
  readonly namespacePath?: string;
  /** Whether the interface is the node's end of the pod's link, or the pod's own. */
  readonly side: 'host' | 'pod';
}
