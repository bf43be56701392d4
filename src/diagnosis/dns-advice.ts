import type { CauseId } from '../model/cause-id.ts';
import type { Trouble } from './advice.ts';
import type { AdviceNames } from './advice-names.ts';
import type { DnsCounts } from './dns-lookups.ts';
import type { EventLine } from './event-line.ts';

/** The cluster's DNS, by the label that all its usual providers have. */
const DNS_PODS = '`kubectl get pods,endpointslices -n kube-system -l k8s-app=kube-dns -o wide`';

/** The title of a finding about DNS that says more than its cause does; null for others. */
export function dnsTitle(
  { destinationAddress, facts }: EventLine,
  causeId: CauseId,
  counts: DnsCounts | null,
): string | null {
  const { dnsName = '', dnsType = '', candidates = 1 } = facts;
  switch (causeId) {
    case 'dns.no-answer':
    case 'dns.no-answer.parallel': {
      const share = counts === null || counts.failed === 0 ? '' : `: ${counts.failed} of ${queriesText(counts.all)}`;
      const race =
        causeId === 'dns.no-answer.parallel' ? ', A and AAAA sent from one port at once (the conntrack race)' : '';
      return `The resolver ${destinationAddress} does not answer${share}${race}`;
    }
    case 'dns.no-such-name':
      return `${dnsName} does not exist (NXDOMAIN${candidates > 1 ? ` for all ${candidates} candidates` : ''})`;
    case 'dns.no-data':
      return `${dnsName} has no ${dnsType} record`;
    default:
      return null;
  }
}

function queriesText(queries: number): string {
  return queries === 1 ? '1 query' : `${queries} queries`;
}

/** Returns what somebody whose pod has trouble with DNS may try next. */
export function dnsAdvice({ causeId, event, alternatives = [] }: Trouble, names: AdviceNames): string[] {
  switch (causeId) {
    case 'dns.no-such-name':
      return noSuchName(event, names, alternatives);
    case 'dns.no-such-reverse-name':
      return [
        'Harmless unless it is slow: switch the lookup of peers off where the program can (UseDNS, HostnameLookups, skip-name-resolve).',
      ];
    case 'dns.no-data':
      return noData(event, names);
    case 'dns.no-answer.parallel':
      return [
        `Does conntrack drop them? On the pod's node \`conntrack -S\`: insert_failed grows with every such query.`,
        'Keep the two apart: `dnsConfig.options` of the pod with `single-request-reopen` (glibc) or `use-vc` (TCP); or ask a cache on the node (NodeLocal DNSCache), which needs no address translation; or a newer kernel (5.x has less of it).',
      ];
    case 'dns.no-answer.foreign':
      return [
        'Where is the address translation lost? On the node `conntrack -L -p udp --dport 53`; two paths that differ (`ip route get`), a resolver that answers from its own address instead of that of its Service.',
      ];
    case 'dns.error.refused':
      return [
        `Whom does it serve, and which zones? Its configuration: \`kubectl get configmap coredns -n kube-system -o yaml\` (acl, zones, forward). From the pod: \`kubectl exec ${names.pod} -- cat /etc/resolv.conf\``,
      ];
    case 'dns.error.servfail':
      return [
        'What does its log say? `kubectl logs -n kube-system -l k8s-app=kube-dns --tail=50`. SERVFAIL mostly means that its own upstream does not answer: `forward` in `kubectl get configmap coredns -n kube-system -o yaml`.',
        `Ask it from the pod: \`kubectl exec ${names.pod} -- nslookup ${shellName(event)} ${names.address}\``,
      ];
    case 'dns.no-answer':
      return [
        `Is the resolver there, and ready? ${DNS_PODS}`,
        'Is UDP and TCP 53 to it allowed? `kubectl get networkpolicy -A`: egress of this pod to kube-system, ingress of the resolver.',
        `Does it answer at all? \`kubectl exec ${names.pod} -- nslookup kubernetes.default ${names.address}\`; on the node \`conntrack -S\` (insert_failed, drop) and \`dmesg | grep conntrack\` (table full).`,
      ];
    default:
      return [
        `Ask it directly: \`kubectl exec ${names.pod} -- nslookup ${shellName(event)} ${names.address}\`; with EDNS off and on: \`dig +noedns\`, \`dig +edns=0\`.`,
      ];
  }
}

function noSuchName(event: EventLine, { pod }: AdviceNames, alternatives: readonly string[]): string[] {
  const { dnsName = '' } = event.facts;
  const [service, namespace] = dnsName.split('.').map((label) => (/^[a-z0-9-]+$/.test(label) ? label : 'NAME'));
  const meant = alternatives.length === 0 ? [] : [`Did you mean ${alternatives.join(', ')}? That was answered.`];
  const where =
    namespace === undefined
      ? `\`kubectl get services -A | grep -w ${service}\`: from another namespace it has to be called ${service}.NAMESPACE.`
      : `\`kubectl get service ${service} -n ${namespace}\`, or, if the namespace is another: \`kubectl get services -A | grep -w ${service}\`.`;
  return [
    ...meant,
    `Is there such a Service? ${where}`,
    `Which names does the pod search? \`kubectl exec ${pod} -- cat /etc/resolv.conf\` (search, ndots). A name outside of the cluster: does it exist at all?`,
  ];
}

function noData(event: EventLine, { pod }: AdviceNames): string[] {
  const { dnsName = '', dnsType = '' } = event.facts;
  const [service, namespace = 'NAMESPACE'] = dnsName
    .split('.')
    .map((label) => (/^[a-z0-9-]+$/.test(label) ? label : 'NAME'));
  return [
    `A headless Service has addresses of ready pods only: \`kubectl get endpointslices -n ${namespace} -l kubernetes.io/service-name=${service}\``,
    `Does the client ask for the right kind? It asked for ${dnsType}; \`kubectl exec ${pod} -- nslookup ${shellName(event)}\` shows what there is.`,
  ];
}

/** The name, or a placeholder for what a shell might take for something else. */
function shellName({ facts }: EventLine): string {
  const { dnsName = '' } = facts;
  return /^[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?$/.test(dnsName) ? dnsName : 'NAME';
}
