import koffi from 'koffi';

const codes = koffi.os.errno;

/** Where one number has two names it goes by the first of the alphabet: EAGAIN, not EWOULDBLOCK. */
const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(codes)
    .sort()
    .reverse()
    .map(([name, code]) => [code, name]),
);

/** What usually mends it, said after the code. */
const HINTS: Readonly<Record<string, string>> = {
  EPERM: 'needs more rights',
  EACCES: 'needs more rights',
  ENODEV: 'no such network interface',
  ENXIO: 'no such network interface',
  ENOENT: 'no such file',
  ENOMEM: 'not enough memory',
  EMFILE: 'too many open files in this process',
  ENFILE: 'too many open files on this machine',
};

/** A failed C call: what was tried, and the errno by name. */
export class SystemError extends Error {
  override readonly name = 'SystemError';
  /** Name of the errno, e.g. `ENODEV`; `E<number>` when it has none. */
  readonly code: string;

  /**
   * @param action what was tried, as in `Cannot <action>`
   * @param errno the number as C has it
   * @param hint what to do about it; a general one is used when it is missing
   */
  constructor(action: string, errno: number, hint?: string) {
    const code = NAMES.get(errno) ?? `E${errno}`;
    const advice = hint ?? HINTS[code];
    super(`Cannot ${action}: ${code}${advice === undefined ? '' : `; ${advice}`}`);
    this.code = code;
  }
}

/**
 * The error of the C call that was just made on this thread: call it before anything else can change errno.
 *
 * @param hints what to do about an errno, by its name; comes before the general hints
 */
export function lastError(action: string, hints: Readonly<Record<string, string>> = {}): SystemError {
  const errno = koffi.errno();
  return new SystemError(action, errno, hints[NAMES.get(errno) ?? '']);
}
