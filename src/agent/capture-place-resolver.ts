import { networkInterfaces } from 'node:os';
import type { Settings } from '../config/settings.ts';
import { interfaceIndex as indexOfName, interfaceName } from '../native/libc.ts';
import { podUidsOfName } from '../process/pod-logs.ts';
import { OWN_NAMESPACE, podsBehind, resolvePodNamespace } from '../process/pod-namespace.ts';
import type { CapturePlace } from '../session/capture-place.ts';
import type { PodInterfaceLookup } from './pod-interface-lookup.ts';

/** The pod, or its interface, is not on this node now; it may come. */
export class PodAbsentError extends Error {
  override readonly name = 'PodAbsentError';
  readonly code = 'pod-absent';
}

/** What was learned of a pod while it was captured. */
export interface LearnedIndexes {
  /** The index in the env file turned out to be that of something else. */
  readonly wrongIndex: number | null;
  /** Index of a node's end on which one direction only is seen. */
  readonly blindIndex: number | null;
}

/** Whether the pod can be found without an index: it has a UID or a name. */
export function isKnown({ podUid, podName }: Settings): boolean {
  return podUid !== '' || podName !== '';
}

/** What the kernel and the kubelet say of pods; a pod's own files say nothing. */
export interface PodEvidence {
  /** UIDs of the pods behind the node's end of a link; null when nothing can be told. */
  podsBehind(interfaceIndex: number): Promise<ReadonlySet<string> | null>;
  /** UIDs that pods of a name have or had on this node. */
  podUidsOfName(namespace: string, name: string): readonly string[];
}

/** Says where a pod is to be captured. */
export class CapturePlaceResolver {
  readonly #finder: PodInterfaceLookup;
  readonly #witness: PodEvidence;

  constructor(finder: PodInterfaceLookup, witness: PodEvidence = { podsBehind, podUidsOfName }) {
    this.#finder = finder;
    this.#witness = witness;
  }

  /**
   * Where the session of an env file captures now. Rejects with `PodAbsentError` while there is no such pod or interface, and
   * with other errors when its network namespace cannot be found or looked into; `signal` ends the search.
   */
  async locate(settings: Settings, learned: LearnedIndexes, signal: AbortSignal): Promise<CapturePlace> {
    const own = ownInterface(settings);
    if (own !== null) return { hostIndex: own, interfaceIndex: own, side: 'pod' };
    const hostIndex = await this.#indexOnNode(settings, learned, signal);
    const { captureSide } = settings;
    const isOutside = captureSide === 'host' || (captureSide === 'auto' && hostIndex !== learned.blindIndex);
    return isOutside ? { hostIndex, interfaceIndex: hostIndex, side: 'host' } : insidePod(hostIndex, settings);
  }

  /**
   * The index under which the very pod of the env file is on this node, if the one that stands there leads to another;
   * null when it does not, or nobody can tell. A second interface of the same pod is as good. Rejects when the kernel
   * cannot be asked.
   */
  async otherIndex({ interfaceIndex, ...identity }: Settings, signal: AbortSignal): Promise<number | null> {
    if (identity.podUid === '' || typeof interfaceIndex !== 'number') return null;
    const found = await this.#finder.find({ ...identity, podName: '' }, signal);
    if ('reason' in found || found.interfaceIndex === interfaceIndex) return null;
    const [here, there] = await Promise.all([resolvePodNamespace({ interfaceIndex }), resolvePodNamespace(found)]);
    return here !== null && here.inode === there?.inode ? null : found.interfaceIndex;
  }

  /**
   * Whether the kernel says that another pod than that of the env file is behind the node's end of a link. False when
   * nobody can tell. Never rejects.
   */
  async isAnothers(hostIndex: number, { podUid, podName, podNamespace }: Settings): Promise<boolean> {
    const named = podName === '' ? [] : this.#witness.podUidsOfName(podNamespace || 'default', podName);
    const expected = [...(podUid === '' ? [] : [podUid]), ...named];
    if (expected.length === 0) return false;
    const behind = await this.#witness.podsBehind(hostIndex).catch(() => null);
    return behind !== null && !expected.some((uid) => behind.has(uid));
  }

  async #indexOnNode(settings: Settings, { wrongIndex }: LearnedIndexes, signal: AbortSignal): Promise<number> {
    const { interfaceIndex, podNamespace, podName, podUid } = settings;
    if (typeof interfaceIndex === 'number' && interfaceIndex !== wrongIndex) {
      const isThere = interfaceName(interfaceIndex) !== null;
      if (isThere && !(await this.isAnothers(interfaceIndex, settings))) return interfaceIndex;
      if (!isKnown(settings)) {
        throw new PodAbsentError(`Cannot capture on interface ${interfaceIndex}: there is none with that index`);
      }
    }
    const found = await this.#finder.find(settings, signal);
    const pod = podName === '' ? podUid : `${podNamespace}/${podName}`;
    if ('reason' in found) throw new PodAbsentError(`Waiting for the pod ${pod}: ${found.reason}`);
    if (await this.isAnothers(found.interfaceIndex, settings)) {
      throw new PodAbsentError(`Waiting for the pod ${pod}: behind interface ${found.interfaceIndex} is another one`);
    }
    return found.interfaceIndex;
  }
}

/** Where a pod is captured from within, when the node's end of its link is `hostIndex`. */
export async function insidePod(hostIndex: number, { podUid }: Settings): Promise<CapturePlace> {
  const found = await resolvePodNamespace({ interfaceIndex: hostIndex, podUid });
  if (found === null) {
    throw new Error(
      `Cannot capture inside the pod behind interface ${hostIndex}: no process in its network namespace is to be seen; the agent needs hostPID and CAP_SYS_PTRACE, or CAPTURE_SIDE=host`,
    );
  }
  const { path, interfaceIndex } = found;
  if (path === OWN_NAMESPACE) return { hostIndex, interfaceIndex: hostIndex, side: 'pod' };
  return { hostIndex, interfaceIndex, namespacePath: path, side: 'pod' };
}

/**
 * Index of the pod's own interface where the agent runs inside the pod: an address of the pod is one of its own, or
 * nothing but the interface's name says which pod. Null where it does not. Throws `PodAbsentError`.
 */
function ownInterface(settings: Settings): number | null {
  const { interfaceIndex, podAddresses, podInterface } = settings;
  const holder = Object.entries(networkInterfaces()).find(([, addresses]) =>
    addresses?.some(({ address, internal }) => !internal && podAddresses.includes(address)),
  );
  const isNamedOnly = interfaceIndex === 'auto' && podInterface !== '' && !isKnown(settings);
  if (holder === undefined && !isNamedOnly) return null;
  if (typeof interfaceIndex === 'number') return interfaceIndex;
  const name = podInterface === '' ? (holder?.[0] ?? '') : podInterface;
  const index = indexOfName(name);
  if (index === 0) throw new PodAbsentError(`Cannot capture on ${name}: there is no such interface`);
  return index;
}
