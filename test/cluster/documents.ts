import { run } from '../lab/program.ts';

/** What the tests look at in a container. */
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly securityContext: {
    readonly [right: string]: unknown;
    readonly capabilities: { readonly drop: readonly string[]; readonly add: readonly string[] };
  };
  readonly [probe: `${string}Probe`]: { readonly httpGet: { readonly port: number } };
}

/** A pod, as a file has it. */
export interface PodManifest {
  readonly kind: string;
  readonly spec: { readonly containers: readonly Container[] };
}

/** The documents of a manifest, as kubectl reads them. */
export function documentsIn<Document>(file: string): Document[] {
  const json = run(['kubectl', 'annotate', '--local', '-f', file, 'looked-at=yes', '-o', 'json']);
  return json
    .trim()
    .split(/(?<=^\})\n/m)
    .map((document) => JSON.parse(document));
}

/** The pod of a file, as it is written. */
export function podIn(file: string): PodManifest {
  const pod = documentsIn<PodManifest>(file).find(({ kind }) => kind === 'Pod');
  if (pod === undefined) throw new Error(`Cannot find a pod in ${file}`);
  return pod;
}

/** The agent's container in a pod. */
export function agentOf({ spec }: PodManifest): Container {
  const container = spec.containers.find(({ name }) => name === 'dlltagent');
  if (container === undefined) throw new Error('Cannot find the container dlltagent');
  return container;
}
