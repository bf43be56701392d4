import type { CauseId } from '../model/cause-id.ts';
import { Side } from '../model/connection.ts';
import type { KnownCauseId } from './severity.ts';

/**
 * What is wrong, as people see it. Events of different codes may tell of the same trouble: a SYN that is repeated and
 * the handshake that then stays incomplete, a stillness after three minutes and after ten.
 */
export type TroubleKind =
  | 'unanswered'
  | 'halfOpen'
  | 'foreign'
  | 'refused'
  | 'reset'
  | 'manyResets'
  | 'stuck'
  | 'idle'
  | 'tlsAlert'
  | 'tlsWarning'
  | 'tlsClosed'
  | 'notTls'
  | 'dnsUnanswered'
  | 'dnsError'
  | 'noName'
  | 'icmp'
  | 'pathMtu'
  | 'loss'
  | 'zeroWindow'
  | 'httpError'
  | 'slow'
  | 'noAnswer'
  | 'halfClosed'
  | 'gone';

/** What a title depends on besides the cause. */
export interface Place {
  /** The server's address and port, or the interface. */
  readonly where: string;
  /** Who did it; null when nobody says. */
  readonly by: Side | null;
}

interface CauseWords {
  readonly kind: TroubleKind;
  readonly title: (place: Place) => string;
  /** The cause where no event tells it in its own words. */
  readonly cause: string;
}

function words(kind: TroubleKind, title: string | CauseWords['title'], cause: string): CauseWords {
  return { kind, title: typeof title === 'string' ? ({ where }) => `${title}: ${where}` : title, cause };
}

const who = ({ by }: Place) => (by === null ? 'One side' : by === Side.initiator ? 'The client' : 'The server');
const halfDone = ({ where }: Place) => `Handshakes with ${where} stay half done`;
const resets = (place: Place) => `${who(place)} resets connections: ${place.where}`;
const elsewhere = ({ where }: Place) => `What ${where} answers comes from another address`;
const notTls = 'What should be TLS is not';
const hang = 'Connections hang';

const WORDS: Readonly<Record<Exclude<KnownCauseId, 'tls.established'>, CauseWords>> = {
  'tcp.syn.no-answer': words(
    'unanswered',
    ({ where }) => `Nobody answers at ${where}`,
    'no answer to the SYN: nobody at that address (node or pod gone, wrong address), or something drops it on the way',
  ),
  'tcp.syn.lost': words(
    'unanswered',
    ({ where }) => `SYNs to ${where} get lost now and then`,
    'a SYN (or its answer) was lost, and the repetition was answered: two connections that got the same port in address translation (SNAT), a full accept queue, or a link that loses packets',
  ),
  'tcp.syn.older-connection': words(
    'unanswered',
    ({ where }) => `${where} answers SYNs with an older connection`,
    'the SYN was answered with an ACK of an older connection from the same port (TIME_WAIT): the client takes its ports again too soon, and has to repeat its SYN',
  ),
  'tcp.syn.accept-queue': words(
    'unanswered',
    ({ where }) => `The accept queue is full at ${where}`,
    'the port answers some and leaves others waiting: its accept queue is full, the application takes connections too slowly',
  ),
  'tcp.syn.pod-silent': words(
    'unanswered',
    ({ where }) => `The pod does not answer SYNs to ${where}`,
    'the pod did not answer the SYN: its backlog is full, a policy inside the pod drops it, or it is a SYN flood',
  ),
  'tcp.handshake.ack-missing': words(
    'halfOpen',
    halfDone,
    'the server answered the SYN, but the last step of the handshake never came: the way back is broken, or the client is gone',
  ),
  'tcp.handshake.scan': words(
    'halfOpen',
    halfDone,
    'the pod answered the SYN and heard no more: a scan or a SYN flood, or the way back to the client is broken',
  ),
  'tcp.foreign.answer': words(
    'foreign',
    elsewhere,
    'the SYN is answered from another address than was asked: the translation back is missing (asymmetric route, hairpin), so the pod resets the answer',
  ),
  'tcp.foreign.packet': words(
    'foreign',
    elsewhere,
    "packets of an open connection come from another address than the server's: address translation is lost on the way (conntrack INVALID, asymmetric route)",
  ),
  'tcp.refused.nobody-listens': words(
    'refused',
    ({ where }) => `Connection refused by ${where}`,
    'connection refused: nobody listens on that port (crashed, not yet started, wrong port)',
  ),
  'tcp.reset.handshake-by-client': words(
    'reset',
    resets,
    'the client reset the connection before its handshake was complete: a port scan or a probe, or a client that gave up while it was connecting',
  ),
  'tcp.reset.handshake-by-server': words(
    'reset',
    resets,
    'the server reset the connection before its handshake was complete: its backlog is full, or it crashed',
  ),
  'tcp.reset.unused': words(
    'reset',
    resets,
    'the connection was reset before a byte was sent: a probe that only tests the port, a refused negotiation, or a crash',
  ),
  'tcp.reset.unanswered': words(
    'reset',
    resets,
    'the connection was reset by the side that had not answered yet: it refused what it was sent, or crashed',
  ),
  'tcp.reset.after-answer': words(
    'reset',
    resets,
    'the connection was reset after everything was answered: how some programs close',
  ),
  'tcp.reset.idle-limit': words(
    'reset',
    'Idle connections are cut off',
    'the connection was reset after it had rested: an idle limit of the server or of something on the way',
  ),
  'tcp.reset.keepalive-unanswered': words(
    'reset',
    'The other side is gone',
    'keep-alives were not answered and the kernel gave up: the other side is gone, or something in between has forgotten the connection',
  ),
  'tcp.reset.middlebox': words(
    'reset',
    'Something in between resets connections',
    "the RST does not come from the peer (its TTL or IP id is not the peer's): a firewall, a proxy or a load balancer on the way sent it",
  ),
  'tcp.reset.aborted': words(
    'reset',
    resets,
    "the connection was reset in the middle: a crash or a kill of the process, unread data when it closed, or an HTTP peer's way of closing",
  ),
  'tls.exception.http': words('notTls', notTls, 'HTTP was spoken where TLS was begun: TLS spoken to a plain-text port'),
  'tls.exception.plain-text': words(
    'notTls',
    notTls,
    'plain text was answered where TLS was begun: TLS spoken to a plain-text port',
  ),
  'tls.exception.other-protocol': words(
    'notTls',
    notTls,
    'the answer to the ClientHello is not TLS: TLS spoken to a port of another protocol',
  ),
  'tls.exception.corrupt': words(
    'notTls',
    notTls,
    'what was sent cannot be TLS: corrupted bytes, a faulty implementation, or something in between that meddles',
  ),
  'tls.exception.message-order': words(
    'notTls',
    notTls,
    'a handshake message came out of order: a faulty implementation, or both ends speak different protocols',
  ),
  'tcp.stale.idle': words(
    'idle',
    'Idle connections',
    'no byte in either direction and no answer is owed: idle connections, kept in a pool or forgotten',
  ),
  'tcp.stale.one-way': words(
    'idle',
    'Idle connections, as far as one direction tells',
    'no byte moved, as far as one direction tells: the other one was not seen',
  ),
  'tcp.stale.answer-owed': words(
    'stuck',
    hang,
    'an answer is owed: the application is stuck or waits for something else',
  ),
  'tcp.stale.unacknowledged': words(
    'stuck',
    hang,
    'what was sent is not even acknowledged: the host or the way to it is gone, or packets are dropped',
  ),
  'tcp.stale.window-closed': words(
    'stuck',
    hang,
    'one side takes no more data (window closed): its application does not read, it hangs or is overloaded',
  ),
  'tcp.reset.many': words('manyResets', 'Very many resets', 'very many resets from one address and port'),
  'interface.gone': words('gone', ({ where }) => `The interface ${where} is gone`, 'the captured interface is gone'),
  'dns.no-answer': words(
    'dnsUnanswered',
    ({ where }) => `The resolver ${where} does not answer`,
    'the resolver does not answer: it is down or overloaded, or packets are dropped on the way (a network policy without port 53, a full conntrack table)',
  ),
  'dns.no-answer.parallel': words(
    'dnsUnanswered',
    ({ where }) => `The resolver ${where} answers one of two queries that are sent at once`,
    'A and AAAA are sent from one port at the same time and only one of them is answered: the race of conntrack with address translation drops the other, and the client waits for its time-out (5 s)',
  ),
  'dns.no-answer.foreign': words(
    'dnsUnanswered',
    ({ where }) => `What the resolver ${where} answers comes from another address`,
    'the answer comes from another address than was asked, so the client does not take it: address translation is lost on the way back',
  ),
  'dns.error.formerr': words(
    'dnsError',
    ({ where }) => `The resolver ${where} does not understand queries (FORMERR)`,
    'FORMERR: the resolver does not understand the query, or an extension of it (EDNS)',
  ),
  'dns.error.servfail': words(
    'dnsError',
    ({ where }) => `The resolver ${where} fails (SERVFAIL)`,
    'SERVFAIL: the resolver could not find out. Its upstream is away or refuses, DNSSEC does not validate, or it is misconfigured',
  ),
  'dns.error.notimp': words(
    'dnsError',
    ({ where }) => `The resolver ${where} does not support queries (NOTIMP)`,
    'NOTIMP: the resolver does not support this kind of query',
  ),
  'dns.error.refused': words(
    'dnsError',
    ({ where }) => `The resolver ${where} refuses (REFUSED)`,
    'REFUSED: the resolver does not serve this client or this name (an access list, a missing zone, no recursion)',
  ),
  'dns.error.other': words(
    'dnsError',
    ({ where }) => `The resolver ${where} answers with an error`,
    'the resolver answers with an error code',
  ),
  'dns.no-such-name': words(
    'noName',
    'A name does not exist',
    'NXDOMAIN for all names that the search list makes of it: a wrong name, a missing namespace, or a Service that is not there. Who asked has no address: no connection is tried',
  ),
  'dns.no-such-reverse-name': words(
    'noName',
    'Addresses have no names',
    'NXDOMAIN for the name of an address: who looks up the names of its peers waits for that each time',
  ),
  'dns.no-data': words(
    'noName',
    'A name has no address',
    'the name exists and has no record of the type that is asked for: a headless Service without ready endpoints, or a name of the other IP version only',
  ),
  'icmp.port-unreachable': words(
    'icmp',
    ({ where }) => `Refused by ICMP: nobody behind ${where}`,
    'ICMP port unreachable: kube-proxy says so for a Service without endpoints; otherwise nobody has that port open',
  ),
  'icmp.prohibited': words(
    'icmp',
    ({ where }) => `Refused by ICMP: a policy rejects ${where}`,
    'ICMP administratively prohibited: a network policy or a firewall rejects it',
  ),
  'icmp.host-unreachable': words(
    'icmp',
    ({ where }) => `No way to ${where}: host unreachable`,
    'ICMP host unreachable: no route to that address, or its node is down (nobody answers ARP)',
  ),
  'icmp.net-unreachable': words(
    'icmp',
    ({ where }) => `No way to ${where}: network unreachable`,
    'ICMP network unreachable: a router on the way has no route to that network',
  ),
  'icmp.ttl-exceeded': words(
    'icmp',
    ({ where }) => `Packets to ${where} go round in circles`,
    'ICMP time exceeded: a routing loop on the way, or a TTL that is too small',
  ),
  'icmp.fragmentation-needed': words(
    'icmp',
    ({ where }) => `Packets to ${where} are too large for the way`,
    'ICMP fragmentation needed (packet too big): a link on the way takes smaller packets than the sender sends',
  ),
  'icmp.other': words('icmp', 'An ICMP error answers', 'an ICMP error came in answer to a packet of the connection'),
  'path-mtu.ignored': words(
    'pathMtu',
    'Large packets do not get through',
    'the sender does not follow "fragmentation needed": it sends the same large packet again and again',
  ),
  'path-mtu.black-hole': words(
    'pathMtu',
    'Large packets do not get through',
    'large packets are sent again and never acknowledged while smaller ones pass: a smaller MTU on the way, and ICMP is filtered',
  ),
  'tcp.loss.unacknowledged': words(
    'loss',
    'Packets get lost',
    'the same bytes are sent again and again and not acknowledged: packets, or their acknowledgments, are lost beyond the capture',
  ),
  'tcp.loss.beyond': words(
    'loss',
    'Packets get lost',
    'many segments that the capture saw are sent again: they are lost between the capture and their receiver',
  ),
  'tcp.loss.before': words(
    'loss',
    'Packets get lost',
    'many segments come only when they are sent again: they are lost between their sender and the capture',
  ),
  'tcp.zero-window': words(
    'zeroWindow',
    'The receiver does not read',
    'one side has no room for what the other has to send (window closed): its application does not read, it is busy, deadlocked, or out of CPU',
  ),
  'http.error.application': words(
    'httpError',
    'Requests fail in the server',
    'the server answers with an error of its own (HTTP 500 to 599): an exception, a crash of what it calls, or a bug',
  ),
  'http.error.gateway': words(
    'httpError',
    'A proxy has no good answer from behind it',
    'a proxy answers for what is behind it (HTTP 502, 503, 504): nobody is there or ready, or it does not answer in time',
  ),
  'http.error.grpc': words(
    'httpError',
    'gRPC calls fail in the server',
    'the server ends calls with an error of its own (gRPC status 2, 4, 8, 13, 14)',
  ),
  'answer.slow': words(
    'slow',
    'Answers are slow',
    'the first byte of answers takes longer than SLOW_MS: the server computes, waits for another, or its queue is long',
  ),
  'answer.client-gave-up': words(
    'noAnswer',
    'Requests are not answered',
    'the client asked, had no answer, and gave up waiting: the server hangs, or is slower than the client waits',
  ),
  'answer.too-late': words(
    'noAnswer',
    'Answers come too late',
    'the answer came when the client had given up: the server is slower than the client waits',
  ),
  'answer.server-closed': words(
    'noAnswer',
    'The server closes without an answer',
    'the client asked, and the server closed the connection without a byte of answer: it crashed, or closes by a rule',
  ),
  'answer.tls-refused': words(
    'noAnswer',
    'The server hangs up on TLS',
    'the client began TLS, and the server closed the connection without a byte: it does not speak TLS there, or refuses what the client offers',
  ),
  'answer.handshake-abandoned': words(
    'noAnswer',
    'Clients close during the TLS handshake',
    "the client closed in the middle of the TLS handshake without an alert: it does not accept the server's certificate, or gave up",
  ),
  'answer.cut-short': words(
    'noAnswer',
    'Answers are cut short',
    'the connection was closed in the middle of an answer: a proxy or the server aborted it',
  ),
  'answer.keepalive-race': words(
    'noAnswer',
    'Requests are lost as the server closes idle connections',
    'the request crossed the close of an idle connection and was reset: the client keeps connections longer than the server',
  ),
  'answer.declined': words(
    'noAnswer',
    'The server declines TLS',
    'the client asked for TLS, the server does not offer it, and the client went away',
  ),
  'tcp.half-closed.not-closing': words(
    'halfClosed',
    'Connections stay half closed',
    'one side has closed and the other neither closes nor sends: its application forgets to close (a CLOSE_WAIT leak)',
  ),
  'tcp.half-closed.peer-gone': words(
    'halfClosed',
    'The other side is gone',
    'one side has closed and the other does not even acknowledge it: it is gone, or the way to it is broken',
  ),
};

const TLS_FAILS = words('tlsAlert', 'TLS fails', 'the TLS handshake was broken off with an alert');
const TLS_CLOSED = words(
  'tlsClosed',
  'TLS is closed during the handshake',
  'the session was closed before the handshake was complete',
);
const TLS_WARNING = words(
  'tlsWarning',
  'A TLS warning',
  'a warning (level 1) during the handshake: information, the handshake goes on',
);

/** Returns the words for a cause; null for `tls.established`, which is no trouble. */
export function wordsOf(causeId: CauseId): CauseWords | null {
  if (causeId === 'tls.alert.close-notify') return TLS_CLOSED;
  if (causeId.startsWith('tls.warning.')) return TLS_WARNING;
  if (causeId.startsWith('tls.alert.')) return TLS_FAILS;
  return causeId === 'tls.established' ? null : WORDS[causeId as keyof typeof WORDS];
}
