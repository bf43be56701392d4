import { existsSync, mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Lab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import { type Ending, Program, run } from '../lab/program.ts';
import { ApiServer } from './api-server.ts';
import type { KubeObject } from './object-store.ts';
import type { Command } from './remote-command.ts';

const MONITOR_POD = resolve('scripts/monitorPod.sh');

/** What is other than usual about a pod. */
export interface PodTraits {
  /** Programs in its image; none if not given. */
  readonly programs?: readonly string[];
  readonly node?: string;
  readonly ip?: string;
  readonly phase?: string;
  readonly hostNetwork?: boolean;
  readonly containers?: readonly string[];
}

/** How a program ended, and what it said. */
export interface Outcome extends Ending {
  readonly stdout: string;
  readonly stderr: string;
}

/** What runs in a pod. */
export interface Container {
  exec(argv: readonly string[]): Command;
  logs(): string;
}

/** Namespaces of a lab as pods that kubectl knows: an API server says that they run, and `exec` runs commands in them. */
export class Cluster {
  readonly api: ApiServer;
  /** Where monitorPod.sh is called, and writes its files. */
  readonly directory: string;
  /** What its environment holds beside the usual. */
  environment: Readonly<Record<string, string>> = {};
  readonly #lab: Lab;
  readonly #containers: Map<string, Container>;

  private constructor(lab: Lab, api: ApiServer, containers: Map<string, Container>) {
    this.#lab = lab;
    this.api = api;
    this.#containers = containers;
    this.directory = mkdtempSync(join(lab.directory, 'work-'));
    for (const name of ['default', 'shop']) api.store.put('namespaces', '', { metadata: { name } });
    api.writeKubeconfig(this.#kubeconfig, 'default');
  }

  /** Starts an API server that goes with the lab. */
  static async start(lab: Lab): Promise<Cluster> {
    const containers = new Map<string, Container>();
    const containerOf = ({ metadata }: KubeObject) => containers.get(`${metadata.namespace}/${metadata.name}`);
    const api = await ApiServer.start({
      exec: (pod, argv) => containerOf(pod)?.exec(argv) ?? { problem: 'the container does not run' },
      logs: (pod) => containerOf(pod)?.logs() ?? '',
    });
    lab.defer(() => api.stop());
    return new Cluster(lab, api, containers);
  }

  get #kubeconfig(): string {
    return join(this.#lab.directory, 'kubeconfig');
  }

  /** Makes a running pod in the namespace `shop` of the API; what `exec` runs in it runs in `where`. */
  addPod(name: string, where: Namespace | null, traits: PodTraits = {}): KubeObject {
    const { node = 'node-a', ip = '10.77.0.2', phase = 'Running', hostNetwork, containers = ['main'] } = traits;
    const spec = {
      nodeName: node,
      containers: containers.map((container) => ({ name: container, image: 'web:1' })),
      ...(hostNetwork === undefined ? {} : { hostNetwork }),
    };
    const status = { phase, podIPs: [{ ip }] };
    if (where !== null) this.run(`shop/${name}`, containerOf(this.#lab, where, traits.programs ?? []));
    return this.api.store.put('pods', 'shop', { metadata: { name }, spec, status });
  }

  /** Says what runs in the pod `namespace/name`. */
  run(pod: string, container: Container): void {
    this.#containers.set(pod, container);
  }

  /** Calls monitorPod.sh in `directory`. */
  async monitorPod(...args: string[]): Promise<Outcome> {
    return this.#call([MONITOR_POD, ...args]);
  }

  async kubectl(...args: string[]): Promise<Outcome> {
    return this.#call(['kubectl', ...args]);
  }

  async #call(argv: readonly string[]): Promise<Outcome> {
    const env = {
      PATH: process.env['PATH'],
      HOME: this.#lab.directory,
      KUBECONFIG: this.#kubeconfig,
      ...this.environment,
    };
    const program = new Program(argv, { cwd: this.directory, env });
    const ending = await program.ended;
    return { ...ending, stdout: program.stdout, stderr: program.stderr };
  }
}

/** A container with a few programs and no shell. */
function containerOf(lab: Lab, where: Namespace, programs: readonly string[]): Container {
  const path = mkdtempSync(join(lab.directory, 'image-'));
  mkdirSync(path, { recursive: true });
  for (const program of programs) symlinkSync(run(['which', program]).trim(), join(path, program));
  return {
    exec([program = '', ...args]) {
      const file = join(path, program);
      if (existsSync(file)) return { argv: ['ip', 'netns', 'exec', where.name, file, ...args], options: {} };
      return { problem: `failed to exec in container: exec: "${program}": executable file not found in $PATH` };
    },
    logs: () => '',
  };
}
