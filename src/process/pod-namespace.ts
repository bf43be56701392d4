import { setImmediate as nextTurn } from 'node:timers/promises';
import { closeDescriptor, interfaceIndex as indexOfName, inNetworkNamespace, tryOpenReadOnly } from '../native/libc.ts';
import { type PairedLink, RouteSocket } from '../native/rtnetlink.ts';
import { podUidOf } from './pod-cgroup.ts';
import {
  hidesProcesses,
  inodeOf,
  listDirectory,
  listProcessIds,
  networkNamespaceOf,
  readBeginning,
} from './proc-files.ts';

/** Kinds of interfaces that come in pairs, one end on the node and one in the pod. */
const PAIRED_KINDS: ReadonlySet<string> = new Set(['veth', 'netkit']);

/** The interface of a pod whose end on the node is of another kind. */
const USUAL_POD_INTERFACE = 'eth0';

/** Leads to the agent's own network namespace. */
export const OWN_NAMESPACE = '/proc/self/ns/net';

/** Where network namespaces have names, with or without a process in them (ip-netns(8)). */
const NAMES = '/run/netns';

/** Processes looked at before the event loop has its turn: about a millisecond. */
const PROCESSES_AT_ONCE = 200;

/** Which interface is captured, and whose it is. */
export interface PodInterface {
  /** Index of the interface in its network namespace. */
  readonly interfaceIndex: number;
  /** Whether it is the pod's own end, captured inside the pod; without it that is found out. */
  readonly isPodsEnd?: boolean;
  /** Network namespace of the interface, e.g. `/proc/4711/ns/net`; the agent's own when missing. */
  readonly namespacePath?: string;
  /** UID of the pod, if it is known: by it the pod's processes are found where its interface does not lead to them. */
  readonly podUid?: string;
}

/** The network namespace of a pod. */
export interface PodNamespace {
  /**
   * Leads there, e.g. `/proc/4711/ns/net`, for as long as that process lives, or `/run/netns/shop` while it has that
   * name: to be opened at once. `/proc/self/ns/net` where it is the agent's own.
   */
  readonly path: string;
  /** Inode number of the namespace: what tells it from others. */
  readonly inode: number;
  /** Index that the pod's end of the captured interface has inside. */
  readonly interfaceIndex: number;
}

/**
 * Finds the network namespace behind a captured interface: that of the other end when it is the node's end of a pair,
 * else the agent's own (a sidecar's `eth0`, `lo`, a plain interface of the machine). Null when there is no such
 * interface, or the namespace has neither a process that can be looked at nor a name. Does not hold up the event loop
 * however many processes there are. Rejects with `SystemError` when the kernel cannot be asked.
 */
export async function resolvePodNamespace(pod: PodInterface): Promise<PodNamespace | null> {
  const { interfaceIndex, namespacePath = OWN_NAMESPACE, podUid = '', isPodsEnd = false } = pod;
  if (isPodsEnd) {
    const inode = inodeOf(namespacePath);
    return inode === null ? null : { path: namespacePath, inode, interfaceIndex };
  }
  const route = new RouteSocket();
  try {
    const link = route.pairedLink(interfaceIndex);
    const ownInode = networkNamespaceOf('self');
    if (link === null || ownInode === null) return null;
    const own: PodNamespace = { path: OWN_NAMESPACE, inode: ownInode, interfaceIndex };
    if (!PAIRED_KINDS.has(link.kind) || link.peerNamespaceId === null) return own;
    const seen = new Set<number | null>([ownInode]);
    const byId = await findById(route, link, seen);
    const isAlone = byId === null && seen.size === 1;
    const found = byId ?? (isAlone ? null : (findByName(route, link) ?? (await findByPod(podUid, link))));
    // who sees nobody in other namespaces, or finds the machine at the other end, stands in the pod
    const seesPodOnly = !hidesProcesses() && (isAlone || (seen.size === 2 && seen.has(null) && !seesMachine()));
    const inside = found === null ? seesPodOnly : found.inode === machineNamespace();
    return inside ? own : found;
  } finally {
    route.close();
  }
}

/**
 * Asks for each namespace in which a process lives whether it is that of the link's other end; adds it to `seen`, or null
 * for processes that cannot be looked at.
 */
async function findById(route: RouteSocket, link: PairedLink, seen: Set<number | null>): Promise<PodNamespace | null> {
  return findProcess((pid) => {
    const path = `/proc/${pid}/ns/net`;
    const inode = networkNamespaceOf(pid);
    if (seen.has(inode)) return null;
    if (inode !== null || inodeOf(`/proc/${pid}`) !== null) seen.add(inode);
    if (inode === null) return null;
    return isPeer(path, route, link) ? { path, inode, interfaceIndex: link.peerIndex } : null;
  });
}

/** The same for namespaces that have a name: perhaps nobody lives there yet. */
function findByName(route: RouteSocket, link: PairedLink): PodNamespace | null {
  for (const name of listDirectory(NAMES)) {
    const path = `${NAMES}/${name}`;
    const inode = inodeOf(path);
    if (inode !== null && isPeer(path, route, link)) return { path, inode, interfaceIndex: link.peerIndex };
  }
  return null;
}

function isPeer(path: string, route: RouteSocket, link: PairedLink): boolean {
  const fd = tryOpenReadOnly(path);
  if (fd === null) return false;
  try {
    return route.namespaceId(fd) === link.peerNamespaceId;
  } finally {
    closeDescriptor(fd);
  }
}

/** Looks for a process in the control groups of the pod. */
async function findByPod(podUid: string, link: PairedLink): Promise<PodNamespace | null> {
  if (podUid === '') return null;
  return findProcess((pid) => {
    if (podUidOf(readBeginning(`/proc/${pid}/cgroup`) ?? '') !== podUid) return null;
    const path = `/proc/${pid}/ns/net`;
    const inode = networkNamespaceOf(pid);
    if (inode === null) return null;
    const inside = link.peerIndex || inNetworkNamespace(path, () => indexOfName(USUAL_POD_INTERFACE));
    return { path, inode, interfaceIndex: inside };
  });
}

/**
 * UIDs of the pods whose processes live behind the node's end of a link, by their control groups; null when nothing can
 * be told: it leads to no other network namespace, or to none with processes of a pod. Rejects with `SystemError`.
 */
export async function podsBehind(interfaceIndex: number): Promise<ReadonlySet<string> | null> {
  const namespace = await resolvePodNamespace({ interfaceIndex });
  if (namespace === null || namespace.path === OWN_NAMESPACE) return null;
  const own = podUidOf(readBeginning('/proc/self/cgroup') ?? ''); // the agent's own pod is no other one
  const uids = new Set<string>();
  await findProcess((pid) => {
    if (networkNamespaceOf(pid) !== namespace.inode) return null;
    const uid = podUidOf(readBeginning(`/proc/${pid}/cgroup`) ?? '');
    if (uid !== null && uid !== own) uids.add(uid);
    return null;
  });
  return uids.size === 0 ? null : uids;
}

/** The first answer for a process, in turns. */
async function findProcess(look: (pid: number) => PodNamespace | null): Promise<PodNamespace | null> {
  const pids = listProcessIds();
  for (let i = 0; i < pids.length; i++) {
    const found = look(pids[i]);
    if (found !== null) return found;
    if ((i + 1) % PROCESSES_AT_ONCE === 0) await nextTurn();
  }
  return null;
}

/** The network namespace the machine began with: that of init, or of the kernel's threads where init hides its own. */
function machineNamespace(): number | null {
  return networkNamespaceOf(1) ?? networkNamespaceOf(2);
}

/** Whether the machine's own processes can be seen, the kernel's threads among them. */
function seesMachine(): boolean {
  return readBeginning('/proc/2/comm') === 'kthreadd\n';
}
