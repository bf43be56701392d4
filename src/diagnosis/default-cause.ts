import { CAUSE_IDS, type CauseId } from '../model/cause-id.ts';
import { NO_DATA, Rcode } from '../model/dns-question.ts';
import type { EventName } from '../model/event-code.ts';

/** What stands for a cause where none is told: by a line of an older agent, or by a connection without an event. */
const BY_NAME: Readonly<Record<EventName, CauseId>> = {
  TCP_SYN_RETRANS: 'tcp.syn.no-answer',
  TCP_RESET: 'tcp.reset.aborted',
  TCP_IS_TLS: 'tls.established',
  TLS_ALERT: 'tls.alert.encrypted',
  TLS_EXCEP: 'tls.exception.corrupt',
  TCP_PARTIAL_CONNECTION: 'tcp.syn.no-answer',
  TCP_ESTABLISHED_STALE: 'tcp.stale.answer-owed',
  TCP_ESTABLISHED_STALE2: 'tcp.stale.answer-owed',
  TCP_SYN_RESET: 'tcp.refused.nobody-listens',
  TCP_RESET_ABNORMAL: 'tcp.reset.many',
  VIF_DISAPPEARED: 'interface.gone',
  DNS_NO_ANSWER: 'dns.no-answer',
  DNS_ERROR: 'dns.error.other',
  ICMP_ERROR: 'icmp.other',
  PATH_MTU: 'path-mtu.black-hole',
  TCP_LOSS: 'tcp.loss.unacknowledged',
  TCP_ZERO_WINDOW: 'tcp.zero-window',
  HTTP_ERROR: 'http.error.application',
  SLOW_ANSWER: 'answer.slow',
  NO_ANSWER: 'answer.client-gave-up',
  HALF_CLOSED: 'tcp.half-closed.not-closing',
  FOREIGN_PACKET: 'tcp.foreign.packet',
};

/** Causes by the value of 00021: who gave up, closed, cut short, raced or declined. */
const BY_ANSWER_VALUE: readonly CauseId[] = [
  'answer.client-gave-up',
  'answer.server-closed',
  'answer.cut-short',
  'answer.keepalive-race',
  'answer.declined',
];
/** Causes by the value of 00013. */
const BY_RCODE: ReadonlyMap<number, CauseId> = new Map<number, CauseId>([
  [Rcode.formErr, 'dns.error.formerr'],
  [Rcode.servFail, 'dns.error.servfail'],
  [Rcode.nxDomain, 'dns.no-such-name'],
  [Rcode.notImp, 'dns.error.notimp'],
  [Rcode.refused, 'dns.error.refused'],
  [NO_DATA, 'dns.no-data'],
]);
/** Alerts that an older agent's value tells apart, of those whose advice differs (RFC 8446 §6). */
const ALERTS: ReadonlyMap<number, string> = new Map([
  [0, 'close-notify'],
  [40, 'handshake-failure'],
  [42, 'bad-certificate'],
  [43, 'unsupported-certificate'],
  [44, 'certificate-revoked'],
  [45, 'certificate-expired'],
  [46, 'certificate-unknown'],
  [47, 'illegal-parameter'],
  [48, 'unknown-ca'],
  [70, 'protocol-version'],
  [71, 'insufficient-security'],
  [80, 'internal-error'],
  [112, 'unrecognized-name'],
  [116, 'certificate-required'],
  [120, 'no-application-protocol'],
  [255, 'encrypted'],
]);

const KNOWN: ReadonlySet<string> = new Set(CAUSE_IDS);
const OF_TLS = /^tls\.(alert|warning)\.[a-z0-9-]{1,60}$/;

/** Whether a text is an identifier of a cause. */
export function isCauseId(text: string): text is CauseId {
  return KNOWN.has(text) || OF_TLS.test(text);
}

/** Returns the cause that an event without one most probably has. */
export function defaultCauseId(name: EventName, value: number): CauseId {
  switch (name) {
    case 'TCP_PARTIAL_CONNECTION':
      return value === 0 ? 'tcp.syn.no-answer' : 'tcp.handshake.ack-missing';
    case 'TCP_ESTABLISHED_STALE':
    case 'TCP_ESTABLISHED_STALE2':
      return value === 0 ? 'tcp.stale.idle' : value === 3 ? 'tcp.stale.window-closed' : 'tcp.stale.answer-owed';
    case 'TLS_ALERT':
      return `tls.alert.${ALERTS.get(value & 0xff) ?? `number-${value & 0xff}`}`;
    case 'DNS_ERROR':
      return BY_RCODE.get(value) ?? BY_NAME[name];
    case 'NO_ANSWER':
      return BY_ANSWER_VALUE[value] ?? BY_NAME[name];
    default:
      return BY_NAME[name];
  }
}
