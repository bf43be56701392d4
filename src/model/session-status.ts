/**
 * How the session of an env file is doing. `starting`: not yet tried; `capturing`; `waiting`: for its pod or its
 * interface to appear; `failing`: cannot be opened, is tried again; `refused`: another file monitors its interface;
 * `unusable`: the env file has to be mended.
 */
export type SessionState = 'starting' | 'capturing' | 'waiting' | 'failing' | 'refused' | 'unusable';

/** One env file's session, for those who look at the agent from outside. */
export interface SessionStatus {
  readonly envFile: string;
  readonly podName: string;
  readonly podNamespace: string;
  /** Index on the node of the interface that is captured, which names the session's directory; null while there is none. */
  readonly interfaceIndex: number | null;
  readonly interfaceName: string | null;
  readonly state: SessionState;
  /** Why it is not capturing, in one line; empty when it is. */
  readonly reason: string;
}
