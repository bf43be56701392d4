import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AGENT } from '../lab/agent.ts';
import type { Lab } from '../lab/lab.ts';
import type { Program } from '../lab/program.ts';
import type { Cluster } from './cluster.ts';
import type { KubeObject } from './object-store.ts';

/** An agent's pod as it is on its node. */
export interface AgentPod {
  /** The container's working directory, `/dllt`. */
  readonly directory: string;
  readonly program: Program;
}

/**
 * Runs the agents' pods that come into a cluster on the lab's node: the ConfigMap as the kubelet mounts it (files are
 * links through `..data`, which is exchanged as a whole), brought up to date when the pod changes.
 */
export class Kubelet {
  readonly #agents = new Map<string, AgentPod>();
  readonly #lab: Lab;
  readonly #cluster: Cluster;
  #versions = 0;

  constructor(lab: Lab, cluster: Cluster) {
    this.#lab = lab;
    this.#cluster = cluster;
    const stop = cluster.api.store.watch(({ type, resource, object }) => {
      if (resource !== 'pods' || object.metadata.labels?.['app.kubernetes.io/name'] !== 'dlltagent') return;
      if (type === 'ADDED') queueMicrotask(() => this.#start(object));
      else if (type === 'MODIFIED') this.#mount(object);
      else this.#agents.get(object.metadata.name)?.program.child.kill();
    });
    lab.defer(stop);
  }

  /** The agent's pod of that name. */
  agent(name: string): AgentPod {
    const agent = this.#agents.get(name);
    if (agent === undefined) throw new Error(`Cannot find the agent ${name}: there are ${[...this.#agents.keys()]}`);
    return agent;
  }

  #start(pod: KubeObject): void {
    const { name, namespace = '' } = pod.metadata;
    const directory = mkdtempSync(join(this.#lab.directory, 'dllt-'));
    mkdirSync(this.#mountPoint(name));
    this.#mount(pod);
    const env = { ...process.env, DLLT_CONFIG_DIR: this.#mountPoint(name), LOG_DIR: join(directory, 'logs') };
    const program = this.#lab.start(this.#lab.node, [process.execPath, AGENT], { cwd: directory, env });
    this.#agents.set(name, { directory, program });
    const prefix = ['ip', 'netns', 'exec', this.#lab.node.name];
    this.#cluster.run(`${namespace}/${name}`, {
      exec: (argv) => ({ argv: [...prefix, ...argv], options: { cwd: directory, env } }),
      logs: () => program.stdout + program.stderr,
    });
    const status = { ...pod.status, phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
    this.#cluster.api.store.put('pods', namespace, { ...pod, status });
  }

  #mountPoint(name: string): string {
    return join(this.#lab.directory, `config-${name}`);
  }

  #mount({ metadata: { name, namespace = '' } }: KubeObject): void {
    const mountPoint = this.#mountPoint(name);
    const files = this.#cluster.api.store.get('configmaps', namespace, name)?.data ?? {};
    const version = `..version-${++this.#versions}`;
    mkdirSync(join(mountPoint, version));
    for (const [file, text] of Object.entries(files)) writeFileSync(join(mountPoint, version, file), text);
    symlinkSync(version, join(mountPoint, '..data_tmp'));
    renameSync(join(mountPoint, '..data_tmp'), join(mountPoint, '..data'));
    const shown = new Set(readdirSync(mountPoint).filter((file) => !file.startsWith('..')));
    for (const file of Object.keys(files))
      if (!shown.delete(file)) symlinkSync(join('..data', file), join(mountPoint, file));
    for (const file of shown) rmSync(join(mountPoint, file));
  }
}
