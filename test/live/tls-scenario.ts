import type { Namespace } from '../lab/namespace.ts';

/** What a scenario needs to know to write its command lines. */
export interface LabFiles {
  readonly dir: string;
  /** Where the server listens. */
  readonly address: string;
  readonly port: number;
}

/** Two real programs that speak TLS with each other. */
export interface Scenario {
  readonly name: string;
  readonly server: (lab: LabFiles) => readonly string[];
  readonly client: (lab: LabFiles) => readonly string[];
  /** A first client whose connection is looked at like the others: it fetches the session that is taken up. */
  readonly first?: (lab: LabFiles) => readonly string[];
  /** What goes to the client's standard input, which then stays open: the server is to end the connection. */
  readonly input?: string;
  /** Connections made by one run of the client. */
  readonly connectionsPerRun?: number;
}

export const REQUEST = 'GET / HTTP/1.0\r\n\r\n';
const CLIENT_LIMIT_MS = 10_000;
/** Clients of a scenario that run at the same time. */
const WIDTH = 4;

/** Runs a scenario's server in one namespace, and its client `count` times in another or the same. */
export async function runScenario(
  scenario: Scenario,
  files: LabFiles,
  serverSide: Namespace,
  clientSide: Namespace,
  count = 1,
): Promise<void> {
  const server = serverSide.spawn(scenario.server(files), { cwd: files.dir });
  await server.waitForListener(files.port);
  if (scenario.first !== undefined) await runClient(clientSide, files.dir, scenario.first(files), REQUEST);
  let left = count;
  const worker = async () => {
    while (left-- > 0) await runClient(clientSide, files.dir, scenario.client(files), scenario.input);
  };
  await Promise.all(Array.from({ length: WIDTH }, worker));
  await server.waitForNoConnections(files.port); // killed with something unread it would reset them
  await server.stop('SIGKILL');
}

/**
 * Runs a client to its end. When there is `input`, the end of it is not told: s_client would say goodbye then, whether it
 * has read what the server sent or not.
 */
export async function runClient(where: Namespace, dir: string, argv: readonly string[], input = ''): Promise<void> {
  const { child, ended } = where.spawn(argv, { cwd: dir, stdio: 'pipe' });
  child.stdin?.on('error', () => undefined); // it may have ended before it read all
  if (input === '') child.stdin?.end();
  else child.stdin?.write(input);
  const tooLong = setTimeout(() => child.kill('SIGKILL'), CLIENT_LIMIT_MS);
  await ended;
  clearTimeout(tooLong);
}
