import { mkdirSync, mkdtempSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ConfigMapMount } from './config-map-mount.ts';
import { DirectoryTail } from './directory-tail.ts';
import type { Lab, Pod } from './lab.ts';
import type { Namespace } from './namespace.ts';
import { capturesOn } from './packet-sockets.ts';
import type { Ending, Program } from './program.ts';
import { type EventLine, readEndFlows, readEvents, readFlows, readLog } from './session-files.ts';
import { waitFor } from './wait.ts';

/** Lines of an env file. */
export type EnvSettings = Readonly<Record<string, string | number>>;

/** The agent's program: the one that was built from this checkout. */
export const AGENT = resolve('dist/main.js');

/** Name of the first env file. */
export const ENV_FILE = 'dlltagent_searchpod';

/** Text of an env file. */
export function envFile(settings: EnvSettings): string {
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

/** A running agent with directories of its own. */
export class AgentRun {
  /** The one that runs now, or ran last. */
  program: Program;
  readonly configDirectory: string;
  readonly logDirectory: string;
  readonly #events = new Map<string, DirectoryTail>();
  readonly #lab: Lab;
  #mount: ConfigMapMount | null = null;
  readonly #begin: () => Program;

  private constructor(lab: Lab, where: Namespace, env: NodeJS.ProcessEnv, prefix: readonly string[]) {
    this.#lab = lab;
    const directory = mkdtempSync(join(lab.directory, 'agent-'));
    this.configDirectory = join(directory, 'config');
    this.logDirectory = env['LOG_DIR'] ?? join(directory, 'logs');
    this.makeConfigDirectory();
    mkdirSync(this.logDirectory, { recursive: true });
    this.#begin = () =>
      lab.start(where, [...prefix, process.execPath, AGENT], {
        cwd: directory,
        env: { ...process.env, DLLT_CONFIG_DIR: this.configDirectory, LOG_DIR: this.logDirectory, ...env },
      });
    this.program = this.#begin();
  }

  /** Starts an agent in a namespace without any session; `prefix` is a command that starts it. */
  static start(lab: Lab, where: Namespace, env: NodeJS.ProcessEnv = {}, prefix: readonly string[] = []): AgentRun {
    return new AgentRun(lab, where, env, prefix);
  }

  /**
   * Starts an agent on the node with one session for a pod, and waits until it captures. `prefix` is a command that
   * starts it, such as setpriv.
   */
  static async watch(
    lab: Lab,
    pod: Pod,
    settings: EnvSettings = {},
    env: NodeJS.ProcessEnv = {},
    prefix: readonly string[] = [],
  ): Promise<AgentRun> {
    const agent = new AgentRun(lab, lab.node, env, prefix);
    agent.configure({ INTERFACE_INDEX_SNIF: pod.hostIndex, ...settings });
    await agent.capturing(pod.hostIndex);
    return agent;
  }

  /** Makes the directory of the env files, empty. */
  makeConfigDirectory(): void {
    mkdirSync(this.configDirectory);
  }

  /** Puts the first env file into the directory the way the kubelet mounts a ConfigMap. */
  publish(text: string): void {
    this.#mount ??= new ConfigMapMount(this.configDirectory);
    this.#mount.publish({ [ENV_FILE]: text });
  }

  /** Writes an env file whole, as an editor or kubectl does; `suffix` tells one pod's from another's. */
  configure(settings: EnvSettings, suffix = ''): void {
    const path = join(this.configDirectory, `${ENV_FILE}${suffix}`);
    writeFileSync(`${path}.swp`, envFile(settings));
    renameSync(`${path}.swp`, path);
  }

  /** Waits until the agent's socket on an interface is open: from then on nothing is missed. */
  async capturing(interfaceIndex: number, timeoutMs = 15_000): Promise<void> {
    await waitFor(
      `the agent capture on interface ${interfaceIndex}`,
      () => {
        if (!this.program.running) throw new Error(`The agent ended:\n${this.transcript()}`);
        return capturesOn(this.program.pid, interfaceIndex);
      },
      { timeoutMs, describe: () => this.transcript() },
    );
  }

  /** Directory of the session on an interface. */
  sessionDirectory(interfaceIndex: number): string {
    return join(this.logDirectory, `dllt${interfaceIndex}`);
  }

  /** What it printed, and which files it wrote: for messages. */
  transcript(): string {
    const files = readdirSync(this.logDirectory, { recursive: true, encoding: 'utf8' }).join('\n');
    return `${this.program.stdout}${this.program.stderr}\n${files}`;
  }

  /**
   * Waits until a session has written at least `count` events for which `wanted` holds, and gives them.
   *
   * @throws Error with all events there were when time is over.
   */
  async events(
    interfaceIndex: number,
    wanted: (event: EventLine) => boolean,
    count = 1,
    timeoutMs = 10_000,
  ): Promise<EventLine[]> {
    const directory = this.sessionDirectory(interfaceIndex);
    const tail = this.#tail(directory);
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const found = readEvents(directory).filter(wanted);
      if (found.length >= count) return found;
      const left = deadline - performance.now();
      if (left <= 0 || !this.program.running) {
        const state = this.program.running ? `not within ${timeoutMs} ms` : 'the agent ended';
        const seen = readEvents(directory).map((event) => JSON.stringify(event));
        throw new Error(
          `Cannot see ${count} such events, only ${found.length}: ${state}; there were:\n${seen.join('\n')}\n${this.transcript()}`,
        );
      }
      await tail.changed(Math.min(left, 250));
      tail.poll();
    }
  }

  /** Everything a session wrote so far. */
  files(interfaceIndex: number) {
    const directory = this.sessionDirectory(interfaceIndex);
    return {
      directory,
      events: readEvents(directory),
      flows: readFlows(directory),
      endFlows: readEndFlows(directory),
      log: readLog(directory),
    };
  }

  /** Tells the agent to stop and waits until it did. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ending> {
    return this.program.stop(signal);
  }

  /** Starts it again, with the same directories, after it ended. */
  restart(): void {
    this.program = this.#begin();
  }

  #tail(directory: string): DirectoryTail {
    let tail = this.#events.get(directory);
    if (tail === undefined) {
      tail = new DirectoryTail(directory, 'netwevents_');
      const opened = tail;
      this.#events.set(directory, opened);
      this.#lab.defer(() => opened.close());
    }
    return tail;
  }
}
