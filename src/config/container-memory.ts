import { readFileSync } from 'node:fs';

/** A file system of control groups that knows about memory. */
interface Hierarchy {
  readonly isV2: boolean;
  readonly mountPoint: string;
  /** Which group stands at the mount point. */
  readonly root: string;
}

/**
 * Reads how much memory the control groups of this process allow, in bytes: the smallest limit of its own group and those
 * above it, as far as they can be seen (cgroup v2 `memory.max`, v1 `memory.limit_in_bytes`). Null where there is no limit.
 *
 * @param read gives the text of a file; throws when there is none
 */
export function containerMemoryBytes(read = (path: string) => readFileSync(path, 'utf8')): number | null {
  const mounts = tryRead(read, '/proc/self/mountinfo');
  const groups = tryRead(read, '/proc/self/cgroup');
  const limits = hierarchies(mounts).flatMap((hierarchy) => limitsOf(hierarchy, groupIn(groups, hierarchy.isV2), read));
  return limits.length === 0 ? null : Math.min(...limits);
}

/** Out of mountinfo (proc_pid_mountinfo(5)): root and mount point are the fourth and fifth field, the type stands behind ` - `. */
function hierarchies(mountinfo: string): Hierarchy[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [type, , options = ''] = after.split(' ');
    const isV2 = type === 'cgroup2';
    if (!isV2 && !(type === 'cgroup' && options.split(',').includes('memory'))) return [];
    const fields = before.split(' ');
    return [{ isV2, root: fields[3] ?? '/', mountPoint: fields[4] ?? '' }];
  });
}

/** The group of this process, as /proc/self/cgroup has it (cgroups(7)): `4:memory:/path`, for version 2 `0::/path`. */
function groupIn(groups: string, isV2: boolean): string {
  const wanted = isV2 ? /^0::(.*)$/m : /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m;
  return groups.match(wanted)?.[1] ?? '/';
}

function limitsOf({ isV2, mountPoint, root }: Hierarchy, group: string, read: (path: string) => string): number[] {
  // in a container the mount may begin at the container's own group, or the path be that of another namespace
  const base = root === '/' ? '' : root;
  const inside = group.startsWith(`${base}/`) ? group.slice(base.length).split('/').filter(Boolean) : [];
  const limits: number[] = [];
  for (let depth = inside.length; depth >= 0; depth--) {
    const directory = [mountPoint, ...inside.slice(0, depth)].join('/');
    const text = tryRead(read, `${directory}/${isV2 ? 'memory.max' : 'memory.limit_in_bytes'}`).trim();
    // version 1 says "no limit" by a number close to 2^63
    if (/^\d{1,15}$/.test(text)) limits.push(Number(text));
  }
  return limits;
}

function tryRead(read: (path: string) => string, path: string): string {
  try {
    return read(path);
  } catch {
    return '';
  }
}
