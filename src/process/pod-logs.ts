import { listDirectory } from './proc-files.ts';

/** Where the node's /var/log/pods is mounted. */
const POD_LOGS = process.env['DLLT_HOST_POD_LOGS'] ?? '/var/log/pods';

/**
 * UIDs that pods of a name have, or had lately, on this node: the kubelet keeps the logs of each in a directory
 * `<namespace>_<name>_<uid>`, which nobody else may make. Empty where the directory is not to be seen.
 */
export function podUidsOfName(namespace: string, name: string, directory = POD_LOGS): string[] {
  const prefix = `${namespace}_${name}_`;
  return listDirectory(directory).flatMap((entry) => (entry.startsWith(prefix) ? [entry.slice(prefix.length)] : []));
}
