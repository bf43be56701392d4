import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { AGENT } from '../lab/agent.ts';
import { ConfigMapMount } from '../lab/config-map-mount.ts';
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
 * Runs the agents' pods that come into a cluster on the lab's node, each with its ConfigMap, which is brought up to date
 * when the pod changes.
 */
export class Kubelet {
  readonly #agents = new Map<string, AgentPod>();
  readonly #mounts = new Map<string, ConfigMapMount>();
  readonly #lab: Lab;
  readonly #cluster: Cluster;

  constructor(lab: Lab, cluster: Cluster) {
    this.#lab = lab;
    this.#cluster = cluster;
    const stop = cluster.api.store.watch(({ type, resource, object }) => {
      if (resource !== 'pods' || object.metadata.labels?.['app.kubernetes.io/name'] !== 'dlltagent') return;
      if (type === 'ADDED') queueMicrotask(() => this.#start(object));
      else if (type === 'MODIFIED') this.#publish(object);
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
    const configDirectory = join(directory, 'config');
    mkdirSync(configDirectory);
    this.#mounts.set(name, new ConfigMapMount(configDirectory));
    this.#publish(pod);
    const env = { ...process.env, DLLT_CONFIG_DIR: configDirectory, LOG_DIR: join(directory, 'logs') };
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

  #publish({ metadata: { name, namespace = '' } }: KubeObject): void {
    this.#mounts.get(name)?.publish(this.#cluster.api.store.get('configmaps', namespace, name)?.data ?? {});
  }
}
