import type { CauseId } from '../model/cause-id.ts';
import { PodSide, Side } from '../model/connection.ts';
import { type AdviceNames, adviceNames, whoHas } from './advice-names.ts';
import { answerAdvice } from './answer-advice.ts';
import { wordsOf } from './causes.ts';
import { dnsAdvice } from './dns-advice.ts';
import type { EventLine } from './event-line.ts';
import { pathAdvice } from './path-advice.ts';
import { tlsAdvice } from './tls-advice.ts';

/** Whose turn it is where a connection hangs, as the value of 00007 and 00008. */
const Owes = { server: 1 } as const;

/** What advice goes by. */
export interface Trouble {
  readonly causeId: CauseId;
  /** The worst of its events. */
  readonly event: EventLine;
  /** The same server answered other SYNs in the same time. */
  readonly othersAnswered: boolean;
  /** Connections went well between those that did not. */
  readonly isIntermittent: boolean;
  /** Names that exist and are like the one that does not. */
  readonly alternatives?: readonly string[];
}

/** Returns what somebody with a broken pod may try next, most promising first. */
export function adviceFor(trouble: Trouble): string[] {
  const { causeId, event } = trouble;
  const names = adviceNames(event);
  const isServer = event.podSide === PodSide.responder;
  switch (wordsOf(causeId)?.kind) {
    case 'unanswered':
      return unanswered(trouble, names, isServer);
    case 'halfOpen':
      return isServer || causeId === 'tcp.handshake.scan' ? clientsStopHalfway(names) : halfwayOut(names);
    case 'refused':
      return isServer ? podRefuses(names) : [...oneOfSeveral(trouble), ...serverRefuses(names)];
    case 'reset':
      return reset(trouble, names, isServer);
    case 'manyResets':
      return [
        'Look at what else is said of this address above and below: many resets are one trouble that comes again and again, mostly a refused port or a probe.',
        'Somebody retries without a pause: give the client a backoff. From many ports and addresses at once it is a scan: let a network policy keep it out.',
      ];
    case 'stuck':
      return hangs(causeId, event, names);
    case 'zeroWindow':
      return doesNotRead(event, names);
    case 'idle':
      return causeId === 'tcp.stale.one-way'
        ? [
            'The capture sees one direction only: nothing is said of the other. `CAPTURE_SIDE=pod` captures inside the pod.',
          ]
        : [
            'Harmless as long as nobody uses them again: a pool keeps them. If the first request after a pause fails, something in between forgot the connection: keep the idle time of the pool shorter (below 5 min), or switch TCP keep-alive on.',
          ];
    case 'tlsAlert':
    case 'tlsWarning':
    case 'tlsClosed':
    case 'notTls':
      return tlsAdvice(causeId, event, names);
    case 'dnsUnanswered':
    case 'dnsError':
    case 'noName':
      return dnsAdvice(trouble, names);
    case 'foreign':
    case 'icmp':
    case 'pathMtu':
    case 'loss':
      return pathAdvice(causeId, event, names);
    case 'httpError':
    case 'slow':
    case 'noAnswer':
    case 'halfClosed':
      return answerAdvice(causeId, event, names);
    case 'gone':
      return [
        `Was the pod deleted, restarted or moved? \`kubectl get pod ${names.pod} -o wide; kubectl describe pod ${names.pod}\``,
        'If it came back under its name on this node, the agent goes on by itself where it knows POD_NAME and POD_NAMESPACE, or POD_UID; on another node, or without: call monitorPod.sh again.',
      ];
    default:
      return [];
  }
}

function unanswered({ causeId, othersAnswered }: Trouble, names: AdviceNames, isServer: boolean): string[] {
  switch (causeId) {
    case 'tcp.syn.lost':
      return lostSyns(names);
    case 'tcp.syn.older-connection':
      return [
        "The client takes its ports again while the server still remembers them (TIME_WAIT): keep connections open and use them again (a pool, keep-alive), or give the client's host more ports (`sysctl net.ipv4.ip_local_port_range`).",
        'Behind address translation several clients share ports: more addresses for it, or fewer new connections.',
      ];
    case 'tcp.syn.accept-queue':
      return acceptQueue(names, isServer);
    default:
      if (isServer) return podDoesNotAnswer(names);
      return othersAnswered ? [...acceptQueue(names, false), ...lostSyns(names).slice(0, 1)] : nobodyAnswers(names);
  }
}

function lostSyns({ address }: AdviceNames): string[] {
  return [
    'On the node of the client: does `conntrack -S` count insert_failed? Then connections get the same port in address translation (SNAT): --random-fully for masquerading (kube-proxy and most CNIs have it), or no translation on that way.',
    'Does the server drop them as its backlog is full? In its pod `nstat -az TcpExtListenOverflows TcpExtListenDrops`.',
    `Does the link lose other packets too? \`ip -s link\` on both nodes; from the pod \`ping -c 100 -i 0.2 ${address}\`.`,
  ];
}

function acceptQueue({ address, pod, port }: AdviceNames, isServer: boolean): string[] {
  const where = isServer ? `\`kubectl exec ${pod} -- ss -ltn\`` : `In its pod (${whoHas(address)}) \`ss -ltn\``;
  return [
    `Is the accept queue of port ${port} full? ${where} shows Recv-Q at Send-Q then; \`nstat -az TcpExtListenOverflows TcpExtListenDrops\` counts. The application accepts too slowly: more workers, or a longer backlog (listen() and net.core.somaxconn).`,
    ...(isServer
      ? []
      : [
          'Behind a Service it may be one endpoint of several that is away: compare the pods of `kubectl get endpointslices -A -o wide` with those that run.',
        ]),
  ];
}

function nobodyAnswers({ address, pod }: AdviceNames): string[] {
  return [
    `Whose address is it? ${whoHas(address)}. Nobody's: the client uses an old address (a DNS cache, a fixed IP, a pod that was replaced).`,
    'Somebody drops it? `kubectl get networkpolicy -A`: egress of this pod, ingress of the other; then firewalls and security groups on the way.',
    `Is the node of the other side well? \`kubectl get nodes\`. From the pod: \`kubectl exec ${pod} -- ping -c 3 ${address}\``,
  ];
}

function podDoesNotAnswer({ pod, port }: AdviceNames): string[] {
  return [
    `Does the pod's backlog overflow? \`kubectl exec ${pod} -- nstat -az TcpExtListenOverflows TcpExtListenDrops\`; a process that accepts too slowly needs more threads or a longer backlog (net.core.somaxconn).`,
    `Does something inside the pod drop it (iptables of a service mesh)? And does anything listen on port ${port} at all?`,
    'From very many addresses it is a SYN flood: let a network policy keep them out.',
  ];
}

function halfwayOut({ address }: AdviceNames): string[] {
  return [
    "The answer came as far as the pod's node and then no further: look for what drops it there (iptables -S, nft list ruleset, the network policies of this pod), and for two routes that differ (ip route get).",
    `Is ${address} behind two NATs or a load balancer? Compare with a capture on the other side.`,
  ];
}

function clientsStopHalfway({ pod }: AdviceNames): string[] {
  return [
    'From many addresses: a scan or a SYN flood; a network policy or a load balancer in front keeps it out.',
    `From one address that should be served: the way back is broken. Compare the routes: \`kubectl exec ${pod} -- ip route get CLIENT\`, and network policies for egress.`,
  ];
}

function serverRefuses({ address, port }: AdviceNames): string[] {
  return [
    `Whose address is it, and is that pod running and ready, or does it restart again and again? ${whoHas(address)}`,
    `Does it listen on port ${port}? In that pod: \`ss -ltn\`. Compare with targetPort of the Service (\`kubectl describe service\`), and with the address it listens on: 127.0.0.1 is not enough.`,
  ];
}

/** Where a server does what it should for others, it is probably not one but several. */
function oneOfSeveral({ isIntermittent }: Trouble): string[] {
  if (!isIntermittent) return [];
  return [
    'Others went well in between: behind a Service it is one of several pods (`kubectl get endpointslices -A -o wide`: which of them restarts, or is ready too early?), or a process that starts again and again.',
  ];
}

function podRefuses({ pod, port }: AdviceNames): string[] {
  return [
    `Does the pod listen on port ${port}? \`kubectl exec ${pod} -- ss -ltn\`. On 127.0.0.1 only is not enough; another port: compare with containerPort, targetPort and the probes.`,
    `Did the process crash? \`kubectl logs ${pod} --previous; kubectl describe pod ${pod}\``,
  ];
}

function reset({ causeId, event }: Trouble, names: AdviceNames, isServer: boolean): string[] {
  switch (causeId) {
    case 'tcp.reset.after-answer':
      return ['Harmless: some programs, probes and load balancers close like this once they have their answer.'];
    case 'tcp.reset.idle-limit':
      return idleLimit(event);
    case 'tcp.reset.keepalive-unanswered':
      return [
        `Is the other side alive? ${whoHas(names.address)}; \`kubectl get nodes\`. Its pod may have gone without a goodbye (a node that died, an eviction).`,
        'Or something in between (NAT, firewall, load balancer) forgot the connection and drops what comes later: keep-alives more often than its idle limit (net.ipv4.tcp_keepalive_time, default 7200 s), or a shorter idle time of the pool.',
      ];
    case 'tcp.reset.middlebox':
      return [
        'Who is in between? A service mesh sidecar, a firewall with inspection, a load balancer, the CNI: its log at these times names the rule. The peer itself did not send the RST.',
        'Compare with a capture on the other side: if the RST is not sent there either, it is made on the way.',
      ];
    case 'tcp.reset.handshake-by-server':
      return acceptQueue(names, isServer);
    default:
      return event.by === Side.initiator ? clientResets() : serverResets(names, isServer);
  }
}

function idleLimit({ facts }: EventLine): string[] {
  const seconds = facts.idleMs === undefined ? '' : ` ${Math.round(facts.idleMs / 1000)} s`;
  return [
    `Connections are cut off after${seconds || ' a time'} at rest. Who has that limit? The server's keep-alive or idle timeout, a load balancer (AWS NLB 350 s, Azure 240 s), a proxy, a firewall.`,
    `Let the client give its idle connections up before that (idle time of the pool${seconds && ` below${seconds}`}), or send TCP keep-alives more often; and try once more where a request on a kept connection fails.`,
  ];
}

function serverResets({ address, pod }: AdviceNames, isServer: boolean): string[] {
  const log = isServer
    ? `\`kubectl logs ${pod} --previous; kubectl describe pod ${pod}\``
    : `Find its pod: ${whoHas(address)}`;
  return [
    `What does the server's log say at these times, and was its process restarted (OOMKilled)? ${log}`,
    'Does it hit connections that were idle before? Then a proxy or the server forgets them sooner than the client does: the client needs a shorter keep-alive, or one more try.',
    'The last packets of the pcap show what the client had sent before: a request that is too large, a protocol the server does not speak.',
  ];
}

function clientResets(): string[] {
  return [
    'Does the client give up? Compare the age of the connection in end_flows with the timeouts of the client; a slow answer is then the real trouble.',
    'Was the client killed, or does it close with unread data? Its own log says more. Probes and load balancers often close like this: harmless.',
  ];
}

function doesNotRead(event: EventLine, { address, pod }: AdviceNames): string[] {
  const isServer = event.by === Side.responder;
  const isPod = event.podSide === (isServer ? PodSide.responder : PodSide.initiator);
  const where = isPod
    ? `\`kubectl exec ${pod} -- ss -tnmi\``
    : isServer
      ? `in its pod (${whoHas(address)}) \`ss -tnmi\``
      : 'there `ss -tnmi`';
  return [
    `What does the ${isServer ? 'server' : 'client'} do instead of reading? ${where} shows a full Recv-Q; a thread dump (jstack, py-spy, gdb, SIGQUIT for Go and Java) shows whether it is deadlocked, waits for a disk or another service, or holds the data back on purpose (backpressure).`,
    `Has it CPU enough? \`kubectl top pod\`, and throttling by its limit (\`cat /sys/fs/cgroup/cpu.stat\`: nr_throttled).`,
  ];
}

function hangs(causeId: CauseId, event: EventLine, { address, pod }: AdviceNames): string[] {
  const server = event.value === Owes.server;
  const who = server ? 'server' : 'client';
  const dump = 'a thread dump (jstack, py-spy, gdb, SIGQUIT for Go and Java) shows what it waits for';
  if (causeId === 'tcp.stale.window-closed') {
    return [
      `The side whose window is closed does not read: its application hangs or is overloaded. On it \`ss -tnmi\` shows a full Recv-Q; ${dump}.`,
    ];
  }
  if (causeId === 'tcp.stale.unacknowledged') {
    return [
      `The packets do not get to the ${who}, or its acknowledgments not back: is its node alive (\`kubectl get nodes\`), did its pod move without a goodbye, does a policy drop in the middle of a connection?`,
      `Only large packets get lost? Then the MTU is too large somewhere on the way (tunnel, VPN): \`ping -M do -s 1400 ${address}\``,
    ];
  }
  const isPod = event.podSide === (server ? PodSide.responder : PodSide.initiator);
  const where = isPod ? `the monitored pod, \`kubectl logs ${pod}\`` : server ? whoHas(address) : 'its log';
  return [
    `It is the ${who}'s turn (${where}): ${dump}; look for what it waits for itself (a database, another service, a lock, a full pool).`,
    'Give the other side a timeout, so that it does not wait for ever.',
  ];
}
