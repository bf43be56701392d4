import { lockDirectory, type Unlock } from '../native/directory-lock.ts';

/** Another agent writes into the directory: it may end. */
export class DirectoryInUseError extends Error {
  override readonly name = 'DirectoryInUseError';
  readonly code = 'directory-in-use';

  constructor(path: string) {
    super(`Cannot write into ${path}: another agent does; end it, or set LOG_DIR to another directory`);
  }
}

/** A directory that is this agent's until `release`; `warning` says why it may not be. */
export interface DirectoryClaim {
  readonly release: Unlock;
  readonly warning: string | null;
}

/**
 * Takes a session's directory: two agents that write into one take each other's unfinished pcaps away. Throws
 * `DirectoryInUseError`. Where there are no locks (some network file systems), it is taken without.
 */
export function claimDirectory(path: string): DirectoryClaim {
  let unlock: Unlock | null;
  try {
    unlock = lockDirectory(path);
  } catch (error) {
    const warning = `${(error as Error).message}: no other agent may write into this directory`;
    return { release: () => undefined, warning };
  }
  if (unlock === null) throw new DirectoryInUseError(path);
  return { release: unlock, warning: null };
}
