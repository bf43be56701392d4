/** Bytes of UTF-8 that a command line takes at most in an event. */
export const MAX_COMMAND_LINE_BYTES = 256;

const MASK = '***';

/** Parts of a name that tell a secret wherever they stand, as in `DBPASSWORD` or `x-vault-token`. */
const SECRET_PART = /passw|passphrase|pwd|token|secret|credential|apikey|accesskey|privatekey/;
/** Words of a name that tell a secret only when they stand alone, as in `--key` or `X-Api-Key`, but not `keyspace`. */
const SECRET_WORDS: ReadonlySet<string> = new Set(['pass', 'pw', 'key', 'keys', 'auth', 'authorization', 'cookie']);
/** Options whose value is `user:password`, as curl and wget take them. */
const USER_OPTIONS: ReadonlySet<string> = new Set(['-u', '--user', '--proxy-user']);

const ASSIGNMENT = /^(-{0,2}[\w.-]+)=./s;
const HEADER = /^([\w-]+):\s/;
/** `://user:password@` and `://token@`. */
const URL_USER = /(?<![a-z0-9+.-])([a-z][a-z0-9+.-]*:\/\/)([^/\s:@]*)(:[^/\s@]*)?@/gi;
/** A name and its value in JSON and the like, where the value may hold spaces. */
const QUOTED_ASSIGNMENT = /(["'][\w.-]+["']\s*[=:]\s*)(["'])[^"']*/g;
/** The same elsewhere inside an argument: a query, a connection string. */
const INNER_ASSIGNMENT = /(?<![\w.-])(["']?[\w.-]+["']?[=:]["']?)([^&;,\s"'}]+)/g;

/**
 * A command line as it may be shown: arguments separated by spaces, secrets masked, cut to `MAX_COMMAND_LINE_BYTES`.
 * docs/REFERENCE.md says what is taken for a secret.
 *
 * @param raw as in /proc/<pid>/cmdline: arguments that end with NUL
 */
export function showCommandLine(raw: string): string {
  const shown = maskArguments(raw.replace(/\0+$/, '').split('\0')).join(' ');
  if (Buffer.byteLength(shown) <= MAX_COMMAND_LINE_BYTES) return shown;
  const cut = Buffer.from(shown).subarray(0, MAX_COMMAND_LINE_BYTES).toString();
  return cut.replace(/\ufffd+$/, ''); // half a character
}

function maskArguments(args: readonly string[]): string[] {
  let before = '';
  return args.map((argument) => {
    const option = before;
    before = argument;
    if (option.startsWith('-') && !option.includes('=') && !argument.startsWith('-')) {
      if (isSecretName(option)) return MASK;
      if (USER_OPTIONS.has(option)) return argument.replace(/:.*/s, `:${MASK}`);
    }
    return maskArgument(argument);
  });
}

function maskArgument(argument: string): string {
  const assigned = ASSIGNMENT.exec(argument)?.[1];
  if (assigned !== undefined && isSecretName(assigned)) return `${assigned}=${MASK}`;
  const header = HEADER.exec(argument)?.[1];
  if (header !== undefined && isSecretName(header)) return `${header}: ${MASK}`;
  const quoted = argument.replace(QUOTED_ASSIGNMENT, (all, name: string, quote: string) =>
    isSecretName(name) ? `${name}${quote}${MASK}` : all,
  );
  // a whole command, as `sh -c` takes it
  if (/\s/.test(quoted)) return maskArguments(quoted.split(/\s+/)).join(' ');
  return quoted
    .replace(URL_USER, (_all, scheme: string, user: string, password?: string) =>
      password === undefined ? `${scheme}${MASK}@` : `${scheme}${user}:${MASK}@`,
    )
    .replace(INNER_ASSIGNMENT, (all, name: string) => (isSecretName(name) ? `${name}${MASK}` : all));
}

function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  return words.some((word) => SECRET_WORDS.has(word)) || SECRET_PART.test(words.join(''));
}
