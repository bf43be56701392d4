import { isIP } from 'node:net';
import { PodSide, Side } from '../model/connection.ts';
import type { EventLine } from './event-line.ts';
import { tlsAdvice } from './tls-advice.ts';
import type { TroubleKind } from './trouble.ts';

/** Whose turn it is where a connection hangs, as the value of 00007 and 00008. */
const Owes = { server: 1, closedWindow: 3 } as const;

/** Hints fit for a shell: whatever could mean something else to one is replaced by a placeholder. */
export interface AdviceNames {
  /** The server's address. */
  readonly address: string;
  /** The server's address and port as curl and openssl take them. */
  readonly server: string;
  readonly port: number;
  /** `web-7c9f4 -n shop`. */
  readonly pod: string;
  /** ` -servername shop.example`, or nothing. */
  readonly serverName: string;
}

/** What somebody with a broken pod may try next, most promising first; `event` is the worst of its trouble. */
export function adviceFor(kind: TroubleKind, event: EventLine): string[] {
  const names = adviceNames(event);
  const inside = event.podSide === PodSide.responder;
  switch (kind) {
    case 'unanswered':
      return inside ? podDoesNotAnswer(names) : nobodyAnswers(names);
    case 'halfOpen':
      return inside ? clientsStopHalfway(names) : halfwayOut(names);
    case 'refused':
      return inside ? podRefuses(names) : serverRefuses(names);
    case 'reset':
      return event.by === Side.initiator ? clientResets() : serverResets(names, inside);
    case 'manyResets':
      return [
        'Look at what else is said of this address above and below: many resets are one trouble that comes again and again, mostly a refused port or a probe.',
        'Somebody retries without a pause: give the client a backoff. From many ports and addresses at once it is a scan: let a network policy keep it out.',
      ];
    case 'stuck':
      return hangs(event, names);
    case 'idle':
      return [
        'Harmless as long as nobody uses them again: a pool keeps them. If the first request after a pause fails, something in between forgot the connection: keep the idle time of the pool shorter (below 5 min), or switch TCP keep-alive on.',
      ];
    case 'tlsAlert':
    case 'tlsClosed':
    case 'notTls':
      return tlsAdvice(kind, event, names);
    case 'gone':
      return [
        `Was the pod deleted, restarted or moved? \`kubectl get pod ${names.pod} -o wide; kubectl describe pod ${names.pod}\``,
        'If it came back under its name on this node, the agent goes on by itself where it knows POD_NAME and POD_NAMESPACE, or POD_UID; on another node, or without: call monitorPod.sh again.',
      ];
  }
}

function adviceNames(event: EventLine): AdviceNames {
  const address = isIP(event.destinationAddress) === 0 ? 'ADDRESS' : event.destinationAddress;
  const port = event.destinationPort;
  const isName = (text: string) => /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(text);
  const name = isName(event.podName) ? event.podName : 'POD';
  const namespace = isName(event.podNamespace) ? ` -n ${event.podNamespace}` : '';
  return {
    address,
    server: isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`,
    port,
    pod: `${name}${namespace}`,
    serverName: isName(event.serverName) ? ` -servername ${event.serverName}` : '',
  };
}

const whoHas = (address: string) => `\`kubectl get pods,services,endpointslices -A -o wide | grep -Fw ${address}\``;

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

function podRefuses({ pod, port }: AdviceNames): string[] {
  return [
    `Does the pod listen on port ${port}? \`kubectl exec ${pod} -- ss -ltn\`. On 127.0.0.1 only is not enough; another port: compare with containerPort, targetPort and the probes.`,
    `Did the process crash? \`kubectl logs ${pod} --previous; kubectl describe pod ${pod}\``,
  ];
}

function serverResets({ address, pod }: AdviceNames, inside: boolean): string[] {
  const log = inside
    ? `kubectl logs ${pod} --previous; kubectl describe pod ${pod}`
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

function hangs(event: EventLine, { address, pod }: AdviceNames): string[] {
  const server = event.value === Owes.server;
  const who = server ? 'server' : 'client';
  const dump = 'a thread dump (jstack, py-spy, gdb, SIGQUIT for Go and Java) shows what it waits for';
  if (event.value === Owes.closedWindow) {
    return [
      `The side whose window is closed does not read: its application hangs or is overloaded. On it \`ss -tnmi\` shows a full Recv-Q; ${dump}.`,
    ];
  }
  if (event.cause.includes('not even acknowledged')) {
    return [
      `The packets do not get to the ${who}, or its acknowledgments not back: is its node alive (\`kubectl get nodes\`), did its pod move without a goodbye, does a policy drop in the middle of a connection?`,
      'Only large packets get lost? Then the MTU is too large somewhere on the way (tunnel, VPN): `ping -M do -s 1400`',
    ];
  }
  const isPod = event.podSide === (server ? PodSide.responder : PodSide.initiator);
  const where = isPod ? `the monitored pod, \`kubectl logs ${pod}\`` : server ? whoHas(address) : 'its log';
  return [
    `It is the ${who}'s turn (${where}): ${dump}; look for what it waits for itself (a database, another service, a lock, a full pool).`,
    'Give the other side a timeout, so that it does not wait for ever.',
  ];
}
