import type { CauseId } from '../model/cause-id.ts';
import { PodSide } from '../model/connection.ts';
import { type AdviceNames, shellAddress, whoHas } from './advice-names.ts';
import type { EventLine } from './event-line.ts';

/** Bytes of the IPv4 and ICMP headers, which `ping -s` does not count. */
const PING_HEADER_BYTES = 28;
/** The MTU of Ethernet. */
const USUAL_BYTES = 1500;

/** What to try next where the way is at fault: address translation, ICMP errors, MTU. */
export function pathAdvice(causeId: CauseId, event: EventLine, names: AdviceNames): string[] {
  switch (causeId) {
    case 'tcp.foreign.answer':
    case 'tcp.foreign.packet':
      return foreign(causeId, event, names);
    case 'icmp.port-unreachable':
      return [
        `Does the Service have endpoints? ${whoHas(names.address)} names it, \`kubectl get endpointslices -A\` shows them. None: its selector matches no pod, or no pod of it is ready.`,
        'If it is the address of a pod: nobody has that port open there, or its node rejects (REJECT in iptables or nftables).',
        ...from(event),
      ];
    case 'icmp.prohibited':
      return [
        `Which policy rejects it? \`kubectl get networkpolicy -A\`: egress of this pod, ingress of the other (${whoHas(names.address)}); then REJECT rules of firewalls (iptables -S, nft list ruleset), and security groups.`,
        ...from(event),
      ];
    case 'icmp.host-unreachable':
      return [
        `Is the node of that address up, and is there a pod behind it? \`kubectl get nodes\`; ${whoHas(names.address)}. The last router asked for it (ARP, neighbour discovery) and nobody answered, or has no route.`,
        ...from(event),
      ];
    case 'icmp.net-unreachable':
      return [
        `Who should know the way to ${names.address}? On the node: \`ip route get ${names.address}\`; routes of the CNI (BGP, cloud route tables) to other nodes.`,
        ...from(event),
      ];
    case 'icmp.ttl-exceeded':
      return [
        `Where does it go round? \`traceroute -n ${names.address}\` shows the same routers again and again: two of them send it to each other (the route of a pod network that is gone, a default route into a tunnel).`,
        ...from(event),
      ];
    case 'tcp.loss.unacknowledged':
    case 'tcp.loss.beyond':
    case 'tcp.loss.before':
      return loss(causeId, event, names);
    case 'icmp.fragmentation-needed':
    case 'path-mtu.ignored':
    case 'path-mtu.black-hole':
      return mtu(causeId, event, names);
    default:
      return [
        `Who sends the ICMP error, and why? \`tcpdump -ni any icmp or icmp6\` on the node shows its type and code; value holds type × 256 + code.`,
        ...from(event),
      ];
  }
}

/** Who said so, where the event knows. */
function from({ facts }: EventLine): string[] {
  if (facts.icmpFrom === undefined) return [];
  const address = shellAddress(facts.icmpFrom, 'ROUTER');
  return [`The ICMP error came from ${address}: the node, router or firewall that said so. ${whoHas(address)}`];
}

function foreign(causeId: CauseId, { facts }: EventLine, { server }: AdviceNames): string[] {
  const stranger = facts.stranger === undefined ? 'The other address' : facts.stranger.replace(/[^0-9a-f.:[\]]/gi, '');
  const backend = `${stranger} is probably the backend behind ${server}: its answer must come back through the node that translated the address.`;
  return causeId === 'tcp.foreign.answer'
    ? [
        `${backend} Is the way back another one (a second interface or gateway, externalTrafficPolicy, direct server return)? On the backend's node: \`ip route get POD_IP\`.`,
        'Is the pod behind its own Service (hairpin)? Then the bridge needs hairpin mode, or kube-proxy masquerading: `cat /sys/class/net/*/brport/hairpin_mode`; `iptables -t nat -S KUBE-POSTROUTING`.',
        'Is br_netfilter loaded (`sysctl net.bridge.bridge-nf-call-iptables` must be 1)? Without it answers of pods on the same node are not translated back.',
      ]
    : [
        `${backend} On that node: does \`conntrack -S\` count invalid? Packets that conntrack calls INVALID are not translated back. \`sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1\`, or a rule that drops them (\`-m conntrack --ctstate INVALID -j DROP\`; kube-proxy has it) instead of letting them through.`,
        'Is the conntrack table full (`sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max`), or are entries removed while connections live (a restart of kube-proxy, a Service that changed)?',
        'Do request and answer take two ways (asymmetric route, a second load balancer)? Compare `ip route get` on both sides.',
      ];
}

/** Where to look depends on which side of the pod's interface it is lost. */
function loss(causeId: CauseId, { podSide, by }: EventLine, { address, pod }: AdviceNames): string[] {
  const isSender = by !== null && podSide !== PodSide.unknown && (podSide as number) === by;
  const isBefore = causeId === 'tcp.loss.before';
  const isNear = podSide !== PodSide.unknown && isBefore === isSender;
  const near = `It is lost between the pod and its interface on the node: does a policy or a full queue in the pod drop it? \`kubectl exec ${pod} -- ip -s link; kubectl exec ${pod} -- tc -s qdisc\` count drops; a receiver without CPU or socket buffer shows in \`kubectl exec ${pod} -- nstat -az TcpExtTCPRcvQDrop TcpExtTCPBacklogDrop TcpExtPruneCalled\`.`;
  const far = `It is lost beyond the node's end of the pod's interface: \`ip -s link\` and \`ethtool -S\` of the NICs on both nodes, drops of queues (\`tc -s qdisc\`), bandwidth limits of the cloud or the CNI, \`ping -c 100 -i 0.2 ${address}\` from the pod.`;
  return [
    ...(isNear ? [near] : [far]),
    'Only some connections or one direction? Then one link of several (bond, ECMP) or one node is bad: compare the servers in the table below, by their nodes.',
    ...(causeId === 'tcp.loss.unacknowledged'
      ? [
          `Nothing gets through from some moment on? Then the other side is gone (${whoHas(address)}), or something on the way has forgotten the connection or drops it (a policy that changed, conntrack).`,
        ]
      : []),
  ];
}

function mtu(causeId: CauseId, { facts }: EventLine, { address, pod }: AdviceNames): string[] {
  const known = facts.mtu === undefined ? '' : ` The way takes ${facts.mtu} bytes.`;
  const lost = facts.lostSize === undefined ? '' : ` Packets of ${facts.lostSize} bytes do not pass.`;
  const size = (facts.mtu ?? facts.lostSize ?? USUAL_BYTES) - PING_HEADER_BYTES;
  const next = facts.mtu === undefined ? 'has no answer, and a smaller size has one' : 'is answered, and 1 more is not';
  return [
    `What passes?${known}${lost} \`kubectl exec ${pod} -- ping -M do -c 3 -s ${Math.max(0, size)} ${address}\` ${next} (${PING_HEADER_BYTES} bytes of headers come on top).`,
    `Set the MTU of the pod's interface to what passes: in the CNI's configuration (an overlay takes 50 bytes for VXLAN, 60 and more for WireGuard, 20 for IPIP). \`kubectl exec ${pod} -- ip link\` shows what it is now.`,
    causeId === 'path-mtu.black-hole'
      ? 'Let ICMP "fragmentation needed" (IPv6: packet too big) through every firewall on the way; where that cannot be, clamp the MSS: `iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu`, or net.ipv4.tcp_mtu_probing=1.'
      : 'The ICMP error reaches the capture but not the sender, or it does not believe it: does a policy or a NAT keep it from the pod, is it translated to the right address? Or clamp the MSS: `iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu`.',
  ];
}
