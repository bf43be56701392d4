/**
 * A pod's control group as the kubelet names it: `pod<uid>` (cgroupfs driver), or `kubepods-…-pod<uid>.slice` with
 * underscores for hyphens (systemd driver). A static pod's UID is a hash of 32 digits.
 */
const POD_GROUP = /[/-]pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?=[./]|$)/;

/**
 * UID of the pod in whose control groups a process is, out of the text of its /proc/<pid>/cgroup (cgroups(7)); null when
 * it is in none, or in those of several. Of a path the first name counts: who may make control groups in a container
 * makes them below the pod's own.
 */
export function podUidOf(groups: string): string | null {
  let uid: string | null = null;
  for (const line of groups.split('\n')) {
    const found = POD_GROUP.exec(line)?.[1]?.replaceAll('_', '-');
    if (found === undefined) continue;
    if (uid !== null && found !== uid) return null;
    uid = found;
  }
  return uid;
}
