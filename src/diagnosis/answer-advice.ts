import type { CauseId } from '../model/cause-id.ts';
import { PodSide } from '../model/connection.ts';
import { type AdviceNames, whoHas } from './advice-names.ts';
import type { EventLine } from './event-line.ts';

/** The port of PostgreSQL, whose clients ask for TLS before they begin it. */
const POSTGRESQL = 5432;

/** What to try next where a request stays without its answer, or a connection half closed. */
export function answerAdvice(causeId: CauseId, event: EventLine, names: AdviceNames): string[] {
  const log = logOfServer(event, names);
  switch (causeId) {
    case 'http.error.application':
    case 'http.error.grpc':
      return [
        `What does the server's log say at these times${onPath(event)}? ${log}`,
        'Does it fail for all requests or for some? For all: its configuration, or what it depends on (a database, another service: look at its own connections). For some: the same path, the same size, the same client.',
      ];
    case 'http.error.gateway':
      return [
        `Who is behind the proxy${onPath(event)}? 502: it closed, reset or spoke another protocol; 503: none is ready, or a limit was passed; 504: it did not answer in time. \`kubectl get endpointslices -A -o wide\`, and the log of the proxy names the upstream. ${log}`,
        'Does it come at roll-outs? Then pods are taken away before the proxy knows: a preStop pause, readiness probes, and connections that are drained.',
      ];
    case 'answer.slow':
      return [
        `What does the server do meanwhile${onPath(event)}? A profile or thread dump; look for what it waits for itself (a database, another service, a lock, a full pool, CPU throttling: \`kubectl top pod\`). ${log}`,
        'Is the time on the way? Compare with the round trips in the table below.',
      ];
    case 'answer.client-gave-up':
      return [
        `What does the server do meanwhile?${waited(event)} A thread dump (jstack, py-spy, gdb, SIGQUIT for Go and Java) shows what it waits for: a database, another service, a lock, a full pool. ${log}`,
        'Is it merely slower than the client waits? Then a longer timeout of the client helps for now; look at the time to the first byte in the table below.',
      ];
    case 'answer.too-late':
      return [
        `The server answers, but too late.${waited(event)}${answered(event)} Make it faster, or let the client wait longer than the server takes. ${log}`,
        'Does the client ask again at once? Then the server does the same work several times and gets slower still: a backoff, and a limit to its tries.',
      ];
    case 'answer.server-closed':
      return [
        `Did the process crash over the request, or was it restarted (OOMKilled)? ${log}`,
        `Did the connection rest before${rested(event)}? Then it is an idle limit: the client must give connections up sooner, or try once more. Does it hit every request? Then the server closes by a rule: a limit of requests or connections, an allow list, another protocol than it expects.`,
      ];
    case 'answer.tls-refused':
      return [
        `Does it speak TLS on that port at all? \`openssl s_client -connect ${names.server}${names.serverName} </dev/null\`; \`curl -v http://${names.server}/\` for plain HTTP.`,
        `Servers and load balancers hang up like this on a name (SNI) they do not know, on a version they do not allow, or when they have no certificate. ${log}`,
      ];
    case 'answer.handshake-abandoned':
      return [
        `Does the client trust the server's certificate? \`openssl s_client -connect ${names.server}${names.serverName} -showcerts </dev/null\` shows issuer, names and dates; some clients (Node, Go) hang up without an alert when they do not accept it. The log of the client says why.`,
        'Scanners and probes that only look at a certificate close like this too: then it is harmless.',
      ];
    case 'answer.cut-short':
      return [
        `Who aborted it? ${log} A crash or an out-of-memory kill in the middle of an answer, or a proxy whose time or size limit was passed (proxy_read_timeout, a maximum of the response, a shutdown without draining).`,
        'Does it come at roll-outs? Give the pod a preStop pause and terminationGracePeriodSeconds enough to finish what it answers.',
      ];
    case 'answer.keepalive-race':
      return [
        `Give the server a longer keep-alive than the client${rested(event)}: its idle timeout (keepalive_timeout, keepAliveTimeout, server.keep-alive) must be longer than the time after which the client, proxy or load balancer gives up its idle connections.`,
        'Where the server cannot be changed: make the idle time of the client shorter than that, and let it try once more when a request on a kept connection is reset before a byte of answer.',
      ];
    case 'answer.declined':
      return names.port === POSTGRESQL
        ? [
            'The server does not offer TLS: switch it on there (ssl = on, with certificate and key), or let the client do without: sslmode=disable or prefer instead of require or verify-full.',
            'Is there a pooler in between (PgBouncer: client_tls_sslmode)? Then it is the one that declines.',
          ]
        : [
            'The server does not offer TLS there: switch it on (STARTTLS, a certificate and key), or let the client do without where that may be.',
            `What does it offer? \`openssl s_client -connect ${names.server} -starttls PROTOCOL </dev/null\``,
          ];
    case 'tcp.half-closed.peer-gone':
      return [
        `Is the other side alive? ${whoHas(names.address)}; \`kubectl get nodes\`. Nothing acknowledges the close: its pod or node is gone, or a NAT or firewall in between has forgotten the connection.`,
        'Connections in FIN_WAIT or LAST_ACK go by themselves (`ss -tn state fin-wait-1`); if they become very many, look for what drops packets in the middle of connections.',
      ];
    default:
      return leak(event, names);
  }
}

function onPath({ facts }: EventLine): string {
  return facts.path === undefined ? '' : ` (for example ${facts.path})`;
}

function leak({ value, podSide }: EventLine, { address, pod }: AdviceNames): string[] {
  const isServer = value === 1;
  const who = isServer ? 'server' : 'client';
  const isPod = podSide === (isServer ? PodSide.responder : PodSide.initiator);
  const where = isPod
    ? `\`kubectl exec ${pod} -- ss -tnp state close-wait\``
    : isServer
      ? `in its pod (${whoHas(address)}) \`ss -tnp state close-wait\``
      : 'there `ss -tnp state close-wait`';
  return [
    `The ${who} was told that no more comes and does not close: a CLOSE_WAIT leak. ${where} shows how many, and of which process; each is a descriptor that is lost until the process ends.`,
    'Its code forgets close() on some way, mostly after an error or a timeout, or it still works for somebody who is gone: look at where responses and bodies are closed.',
  ];
}

function logOfServer({ podSide }: EventLine, { address, pod }: AdviceNames): string {
  return podSide === PodSide.responder
    ? `Its log: \`kubectl logs ${pod} --previous; kubectl describe pod ${pod}\`.`
    : `Find its pod and log: ${whoHas(address)}.`;
}

function waited({ facts }: EventLine): string {
  return facts.waitedMs === undefined ? '' : ` The client waits ${secondsText(facts.waitedMs)}.`;
}

function answered({ facts }: EventLine): string {
  return facts.answeredMs === undefined ? '' : ` The answer takes ${secondsText(facts.answeredMs)}.`;
}

function rested({ facts }: EventLine): string {
  return facts.idleMs === undefined ? '' : ` (it had rested for ${secondsText(facts.idleMs)})`;
}

/** `5 s`, `0.35 s`. */
function secondsText(ms: number): string {
  return `${Number((ms / 1000).toPrecision(2))} s`;
}
