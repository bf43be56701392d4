import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { type WaitOptions, waitFor } from './wait.ts';

/** How a program ended. */
export interface Ending {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What is kept of each output stream: enough for a message, not a leak in a long run. */
const KEPT_CHARACTERS = 1 << 20;

// State column of /proc/net/tcp, as in linux/include/net/tcp_states.h.
const TIME_WAIT = '06';
const LISTEN = '0A';

/** A started program, its output, and its end. */
export class Program {
  readonly child: ChildProcess;
  readonly name: string;
  /** Resolves when it ended and all its output was read. */
  readonly ended: Promise<Ending>;
  stdout = '';
  stderr = '';
  readonly #networkNamespace: number | null;

  /** @param networkNamespace inode number of the one that `argv` enters before it becomes the program */
  constructor(argv: readonly string[], options: SpawnOptions = {}, networkNamespace: number | null = null) {
    this.#networkNamespace = networkNamespace;
    const [file, ...rest] = argv;
    if (file === undefined) throw new Error('Cannot start a program: no name given');
    this.name = argv.join(' ');
    this.child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    this.child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      this.stdout = (this.stdout + chunk).slice(-KEPT_CHARACTERS);
    });
    this.child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.stderr = (this.stderr + chunk).slice(-KEPT_CHARACTERS);
    });
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (status, signal) => resolve({ status, signal }));
    });
    this.ended.catch(() => undefined); // whoever waits gets it; nobody waiting must not end the test run
  }

  /** Process id; `ip netns exec` becomes the program, so it is the program's own. */
  get pid(): number {
    return this.child.pid ?? -1;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Sends a signal and waits for the end; kills it when it does not obey within `graceMs`. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', graceMs = 8_000): Promise<Ending> {
    if (this.running) this.child.kill(signal);
    const kill = setTimeout(() => this.child.kill('SIGKILL'), graceMs);
    try {
      return await this.ended;
    } finally {
      clearTimeout(kill);
    }
  }

  /** Waits for its end and gives its standard output. @throws Error with its messages when its status is not 0. */
  async output(): Promise<string> {
    const { status, signal } = await this.ended;
    if (status !== 0) throw new Error(`Cannot run ${this.name}: ${signal ?? `status ${status}`}\n${this.stderr}`);
    return this.stdout;
  }

  /** Waits until it is in its network namespace: it begins in that of who started it. */
  async waitUntilInPlace(): Promise<void> {
    await this.#wait('in its namespace', () => this.#isInPlace());
  }

  /** Waits until something listens on a TCP port in the program's network namespace. */
  async waitForListener(port: number, options: WaitOptions = {}): Promise<void> {
    await this.#wait(
      `with a listener on port ${port}`,
      () => this.#isInPlace() && socketsOn(this.pid, port).includes(LISTEN),
      options,
    );
  }

  /** Waits until no connection to a TCP port in the program's network namespace is left that has not ended both ways. */
  async waitForNoConnections(port: number, options?: WaitOptions): Promise<void> {
    const over = (state: string) => state === LISTEN || state === TIME_WAIT;
    await waitFor(`the end of connections to ${this.name}`, () => socketsOn(this.pid, port).every(over), options);
  }

  /** Waits for text on standard output or standard error. */
  async waitForOutput(pattern: RegExp, options: WaitOptions = {}): Promise<RegExpMatchArray> {
    return this.#wait(`say ${pattern}`, () => this.stdout.match(pattern) ?? this.stderr.match(pattern), options);
  }

  #isInPlace(): boolean {
    if (!this.running) return false;
    return this.#networkNamespace === null || statSync(`/proc/${this.pid}/ns/net`).ino === this.#networkNamespace;
  }

  #wait<T>(what: string, probe: () => T | null | false, options: WaitOptions = {}): Promise<T> {
    const describe = () => `${this.running ? 'still running' : 'ended'}\n${this.stdout}${this.stderr}`;
    return waitFor(`${this.name} ${what}`, probe, { ...options, describe });
  }
}

/** States of the sockets on a local TCP port in a process's network namespace. */
function socketsOn(pid: number, port: number): string[] {
  const hexPort = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local]) => local?.endsWith(hexPort))
      .map(([, , , state]) => state ?? ''),
  );
}

/** Runs a command to its end and gives its standard output. @throws Error with its messages when it fails. */
export function run(argv: readonly string[]): string {
  const [file = '', ...rest] = argv;
  const { status, stdout, stderr, error } = spawnSync(file, rest, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (error !== undefined) throw new Error(`Cannot run ${argv.join(' ')}: ${error.message}`);
  if (status !== 0) throw new Error(`Cannot run ${argv.join(' ')}: status ${status}\n${stderr}`);
  return stdout;
}
