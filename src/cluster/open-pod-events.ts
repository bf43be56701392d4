import { sendToApi } from './api-request.ts';
import { PodEvents, type PodEventsLog, type SendToApi } from './pod-events.ts';
import type { EventSubject } from './pod-trouble.ts';
import { readApiAccess } from './service-account.ts';

/** Names of Kubernetes (RFC 1123 subdomains): nothing else gets into a path or an object. */
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

/** Events of the cluster on a pod, by the right of the service account; null, with a line in the log, without a pod's name. */
export function openPodEvents(
  subject: EventSubject,
  environment: NodeJS.ProcessEnv,
  log: PodEventsLog,
): PodEvents | null {
  if (!NAME.test(subject.podName) || !NAME.test(subject.podNamespace)) {
    log.warn('Cannot tell Kubernetes Events: POD_NAME and POD_NAMESPACE have to say of which pod');
    return null;
  }
  if (subject.podUid === '') log.warn('Kubernetes Events: without POD_UID kubectl describe pod does not show them');
  const send: SendToApi = async (method, path, body) => sendToApi(await readApiAccess(environment), method, path, body);
  return new PodEvents(subject, send, log);
}
