import type { CAUSE_IDS, CauseId } from '../model/cause-id.ts';
import { PodSide, Side } from '../model/connection.ts';
import type { EventCode } from '../model/event-code.ts';

/** How bad it is: somebody is not served; it may be a sign of that; it is no trouble by itself. */
export type Severity = 'broken' | 'suspicious' | 'worth knowing';

/** Worst first. */
export const SEVERITIES: readonly Severity[] = ['broken', 'suspicious', 'worth knowing'];

/** What severity depends on. */
export interface Judged {
  readonly code: EventCode;
  readonly causeId: CauseId;
  /** Who did it; null when nobody says. */
  readonly by: Side | null;
  readonly podSide: PodSide;
  readonly certain: boolean;
}

/** A cause that has no place among the patterns `tls.alert.…` and `tls.warning.…`. */
export type KnownCauseId = (typeof CAUSE_IDS)[number];

/** How bad each cause is at its worst. Alerts of TLS are broken, its warnings worth knowing. */
const WORST: Readonly<Record<KnownCauseId, Severity>> = {
  'tcp.syn.no-answer': 'broken',
  'tcp.syn.lost': 'broken',
  'tcp.syn.older-connection': 'broken',
  'tcp.syn.accept-queue': 'broken',
  'tcp.syn.pod-silent': 'broken',
  'tcp.handshake.ack-missing': 'broken',
  'tcp.handshake.scan': 'suspicious',
  'tcp.foreign.answer': 'broken',
  'tcp.foreign.packet': 'broken',
  'tcp.refused.nobody-listens': 'broken',
  'tcp.reset.handshake-by-client': 'suspicious',
  'tcp.reset.handshake-by-server': 'broken',
  'tcp.reset.unused': 'broken',
  'tcp.reset.unanswered': 'broken',
  'tcp.reset.after-answer': 'worth knowing',
  'tcp.reset.idle-limit': 'suspicious',
  'tcp.reset.keepalive-unanswered': 'broken',
  'tcp.reset.middlebox': 'broken',
  'tcp.reset.aborted': 'broken',
  'tls.established': 'worth knowing',
  'tls.exception.http': 'broken',
  'tls.exception.plain-text': 'broken',
  'tls.exception.other-protocol': 'broken',
  'tls.exception.corrupt': 'broken',
  'tls.exception.message-order': 'broken',
  'tcp.stale.idle': 'worth knowing',
  'tcp.stale.one-way': 'worth knowing',
  'tcp.stale.answer-owed': 'broken',
  'tcp.stale.unacknowledged': 'broken',
  'tcp.stale.window-closed': 'broken',
  'tcp.reset.many': 'broken',
  'interface.gone': 'broken',
  'dns.no-answer': 'broken',
  'dns.no-answer.parallel': 'broken',
  'dns.no-answer.foreign': 'broken',
  'dns.error.formerr': 'suspicious',
  'dns.error.servfail': 'broken',
  'dns.error.notimp': 'suspicious',
  'dns.error.refused': 'broken',
  'dns.error.other': 'suspicious',
  'dns.no-such-name': 'broken',
  'dns.no-such-reverse-name': 'worth knowing',
  'dns.no-data': 'suspicious',
  'icmp.port-unreachable': 'broken',
  'icmp.prohibited': 'broken',
  'icmp.host-unreachable': 'broken',
  'icmp.net-unreachable': 'broken',
  'icmp.ttl-exceeded': 'broken',
  'icmp.fragmentation-needed': 'suspicious',
  'icmp.other': 'suspicious',
  'path-mtu.ignored': 'broken',
  'path-mtu.black-hole': 'broken',
  'tcp.loss.unacknowledged': 'suspicious',
  'tcp.loss.beyond': 'suspicious',
  'tcp.loss.before': 'suspicious',
  'tcp.zero-window': 'suspicious',
  'http.error.application': 'broken',
  'http.error.gateway': 'broken',
  'http.error.grpc': 'broken',
  'answer.slow': 'suspicious',
  'answer.client-gave-up': 'broken',
  'answer.too-late': 'broken',
  'answer.server-closed': 'broken',
  'answer.tls-refused': 'broken',
  'answer.handshake-abandoned': 'suspicious',
  'answer.cut-short': 'broken',
  'answer.keepalive-race': 'broken',
  'answer.declined': 'broken',
  'tcp.half-closed.not-closing': 'suspicious',
  'tcp.half-closed.peer-gone': 'suspicious',
};

/** Codes that tell of trouble while it may still pass: a SYN repeated, a stillness of three minutes. */
const EARLY_SIGNS: ReadonlySet<EventCode> = new Set<EventCode>(['00001', '00007']);
/** What probes, browsers and load balancers do as well when they are the client. */
const USUAL_FOR_CLIENTS: ReadonlySet<CauseId> = new Set<CauseId>([
  'tcp.reset.unused',
  'tcp.reset.unanswered',
  'tcp.reset.aborted',
]);

/** Returns how bad what an event tells is: the one place that decides it for report, page, Events and metrics. */
export function severityOf({ code, causeId, by, podSide, certain }: Judged): Severity {
  const worst = worstOf(causeId);
  if (worst !== 'broken') return worst;
  if (!certain || EARLY_SIGNS.has(code)) return 'suspicious';
  if (by === Side.initiator && USUAL_FOR_CLIENTS.has(causeId)) return 'suspicious';
  // who does not get into the pod may be a scanner
  if (code === '00006' && podSide === PodSide.responder) return 'suspicious';
  return 'broken';
}

function worstOf(causeId: CauseId): Severity {
  if (causeId === 'tls.alert.close-notify' || causeId.startsWith('tls.warning.')) return 'worth knowing';
  return WORST[causeId as KnownCauseId] ?? 'broken';
}

/** Returns the worse of two. */
export function worse(one: Severity, other: Severity): Severity {
  return SEVERITIES.indexOf(one) <= SEVERITIES.indexOf(other) ? one : other;
}
