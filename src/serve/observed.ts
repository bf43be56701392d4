import type { SessionFigures } from '../model/session-figures.ts';
import type { SessionStatus } from '../model/session-status.ts';

/** What can be looked at from outside. */
export interface Observed {
  /** How the sessions are doing, one for each env file. */
  sessions(): readonly SessionStatus[];
  /** What those sessions counted that are under way. */
  figures(): readonly SessionFigures[];
  /** Changes of env files since the start, by whether they could be used. */
  readonly reloads: { readonly good: number; readonly bad: number };
}
