import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where a pod finds what its service account may use (kubernetes.io/docs/tasks/run-application/access-api-from-pod). */
const SERVICE_ACCOUNT_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';

/** How the API server is reached, and by whose right. */
export interface ApiAccess {
  readonly host: string;
  readonly port: number;
  /** Certificates of those who may vouch for the server, PEM. */
  readonly ca: string;
  readonly token: string;
}

/**
 * Reads what the service account has now; the token is changed by the kubelet every hour or so. Rejects with one line
 * that says what is missing.
 */
export async function readApiAccess(environment: NodeJS.ProcessEnv): Promise<ApiAccess> {
  const host = environment['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = Number(environment['KUBERNETES_SERVICE_PORT']);
  if (host === '' || !(port > 0 && port <= 65_535)) {
    throw new Error('KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no pod of a cluster');
  }
  const directory = environment['SERVICE_ACCOUNT_DIR'] || SERVICE_ACCOUNT_DIRECTORY;
  try {
    const [ca, token] = await Promise.all(['ca.crt', 'token'].map((name) => readFile(join(directory, name), 'utf8')));
    return { host, port, ca, token: token.trim() };
  } catch (error) {
    throw new Error(
      `the service account cannot be read: ${(error as Error).message}; let monitorPod.sh --events write the manifest`,
    );
  }
}
