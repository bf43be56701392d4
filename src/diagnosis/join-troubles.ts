import type { CauseId } from '../model/cause-id.ts';
import { Side } from '../model/connection.ts';
import { rankOfCode } from './code-rank.ts';
import type { Server } from './servers.ts';
import type { TroubleGroup } from './trouble-group.ts';

/** Which trouble of a server explains which other one of the same server. */
type Rule = (reason: TroubleGroup, other: TroubleGroup) => boolean;

/** Alerts that reject the peer's certificate and say why. */
const SPECIFIC: ReadonlySet<CauseId> = new Set<CauseId>([
  'tls.alert.unsupported-certificate',
  'tls.alert.certificate-revoked',
  'tls.alert.certificate-expired',
  'tls.alert.unknown-ca',
  'tls.alert.certificate-required',
]);
/** Alerts by which the same is said without a reason: of TLS 1.3 as they are encrypted, of others by habit. */
const VAGUE: ReadonlySet<CauseId> = new Set<CauseId>([
  'tls.alert.encrypted',
  'tls.alert.bad-certificate',
  'tls.alert.certificate-unknown',
]);
const SMALLER_PACKETS: ReadonlySet<CauseId> = new Set<CauseId>([
  'answer.client-gave-up',
  'answer.too-late',
  'answer.cut-short',
  'icmp.fragmentation-needed',
]);
const NO_WAY: ReadonlySet<CauseId> = new Set<CauseId>([
  'icmp.port-unreachable',
  'icmp.prohibited',
  'icmp.host-unreachable',
  'icmp.net-unreachable',
  'icmp.ttl-exceeded',
]);

const RULES: readonly Rule[] = [
  // the SYN is answered from elsewhere: neither silent, nor given up by a client
  ({ kind }, other) =>
    kind === 'foreign' && (other.kind === 'unanswered' || other.causeId === 'tcp.reset.handshake-by-client'),
  // an ICMP error is the answer
  ({ causeId }, { kind }) => NO_WAY.has(causeId) && kind === 'unanswered',
  ({ causeId }, { kind }) => NO_WAY.has(causeId) && kind === 'dnsUnanswered',
  // who does not answer queries does not answer over TCP either
  ({ kind }, other) => kind === 'dnsUnanswered' && other.kind === 'unanswered',
  ({ kind, events }, other) => kind === 'dnsUnanswered' && other.kind === kind && events >= other.events,
  // large packets do not pass: what hangs, and what was waited for in vain
  ({ kind }, other) => kind === 'pathMtu' && (other.kind === 'stuck' || SMALLER_PACKETS.has(other.causeId)),
  // large packets are lost as well; a closed window is a stillness in the end
  ({ kind }, other) => kind === 'pathMtu' && other.kind === 'loss',
  ({ kind }, { causeId }) => kind === 'zeroWindow' && causeId === 'tcp.stale.window-closed',
  // very many of what is told anyway
  ({ kind }, other) => (kind === 'refused' || kind === 'reset') && other.kind === 'manyResets',
  // one certificate, rejected by several clients and TLS versions
  ({ causeId, by }, other) => SPECIFIC.has(causeId) && VAGUE.has(other.causeId) && by === other.by,
  ({ causeId, by }, other) =>
    causeId === 'tls.alert.certificate-required' &&
    other.causeId === 'tls.alert.handshake-failure' &&
    by === Side.responder &&
    other.by === by,
];

/** Joins what is one trouble of one server. `groups`: heaviest first; `server`: what its connections tell, if anything. */
export function joinTroubles(groups: readonly TroubleGroup[], server: Server | undefined): TroubleGroup[] {
  const left = [...groups];
  for (const rule of [...RULES, sameConnections(server)]) {
    for (const reason of groups) {
      if (!left.includes(reason)) continue;
      for (const other of left.filter((candidate) => candidate !== reason && rule(reason, candidate))) {
        reason.absorb(other);
        left.splice(left.indexOf(other), 1);
      }
    }
  }
  return left;
}

/** All connections of a group had what tells more of the reason as well, and no other connection had only this. */
function sameConnections(server: Server | undefined): Rule {
  return (reason, other) =>
    reason.severity !== 'worth knowing' &&
    rankOf(reason) > rankOf(other) &&
    other.connections.size > 0 &&
    !other.hasMoreConnections &&
    [...other.connections].every((client) => reason.connections.has(client)) &&
    [...other.codes.keys()].every((code) => reason.codes.has(code) || !server?.failures.has(code));
}

function rankOf({ codes }: TroubleGroup): number {
  return Math.max(...[...codes.keys()].map(rankOfCode));
}
