/**
 * Stable identifiers of probable causes: lower case, dots between parts. The prose beside them may be reworded at any
 * time; whoever groups, advises or counts goes by these. Alerts of TLS have `tls.alert.` or `tls.warning.` and the
 * name of the alert with dashes (RFC 8446 §6).
 */
export const CAUSE_IDS = [
  // 00001, and 00006 while nothing answered
  'tcp.syn.no-answer',
  'tcp.syn.lost',
  'tcp.syn.older-connection',
  'tcp.syn.accept-queue',
  'tcp.syn.pod-silent',
  // 00006 once the SYN was answered
  'tcp.handshake.ack-missing',
  'tcp.handshake.scan',
  // 00001, 00006, 00023
  'tcp.foreign.answer',
  'tcp.foreign.packet',
  // 00009
  'tcp.refused.nobody-listens',
  // 00002
  'tcp.reset.handshake-by-client',
  'tcp.reset.handshake-by-server',
  'tcp.reset.unused',
  'tcp.reset.unanswered',
  'tcp.reset.after-answer',
  'tcp.reset.idle-limit',
  'tcp.reset.keepalive-unanswered',
  'tcp.reset.middlebox',
  'tcp.reset.aborted',
  // 00003
  'tls.established',
  // 00005
  'tls.exception.http',
  'tls.exception.plain-text',
  'tls.exception.other-protocol',
  'tls.exception.corrupt',
  'tls.exception.message-order',
  // 00007, 00008
  'tcp.stale.idle',
  'tcp.stale.one-way',
  'tcp.stale.answer-owed',
  'tcp.stale.unacknowledged',
  'tcp.stale.window-closed',
  // 00010
  'tcp.reset.many',
  // 00011
  'interface.gone',
  // 00012
  'dns.no-answer',
  'dns.no-answer.parallel',
  'dns.no-answer.foreign',
  // 00013
  'dns.error.formerr',
  'dns.error.servfail',
  'dns.error.notimp',
  'dns.error.refused',
  'dns.error.other',
  'dns.no-such-name',
  'dns.no-such-reverse-name',
  'dns.no-data',
  // 00014
  'icmp.port-unreachable',
  'icmp.prohibited',
  'icmp.host-unreachable',
  'icmp.net-unreachable',
  'icmp.ttl-exceeded',
  'icmp.fragmentation-needed',
  'icmp.other',
  // 00015
  'path-mtu.ignored',
  'path-mtu.black-hole',
  // 00016
  'tcp.loss.unacknowledged',
  'tcp.loss.beyond',
  'tcp.loss.before',
  // 00017
  'tcp.zero-window',
  // 00018
  'http.error.application',
  'http.error.gateway',
  'http.error.grpc',
  // 00020
  'answer.slow',
  // 00021
  'answer.client-gave-up',
  'answer.too-late',
  'answer.server-closed',
  'answer.tls-refused',
  'answer.handshake-abandoned',
  'answer.cut-short',
  'answer.keepalive-race',
  'answer.declined',
  // 00022
  'tcp.half-closed.not-closing',
  'tcp.half-closed.peer-gone',
] as const;

export type CauseId = (typeof CAUSE_IDS)[number] | `tls.alert.${string}` | `tls.warning.${string}`;
