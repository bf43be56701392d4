import { Side } from '../model/connection.ts';
import type { TlsSession } from '../protocols/tls/tls-session.ts';
import type { TlsAlert } from '../protocols/tls/tls-signal.ts';
import { alertName } from './tls-alert-name.ts';
import { chainOf, offerText, otherSide, sniText, validityText, versionName } from './tls-text.ts';

/** The probable cause of an alert, in words for who runs one of the two ends (RFC 8446 §6.2). */
export function alertCause(alert: TlsAlert): string {
  if (alert.plainTextClient) {
    return `the client spoke plain text (HTTP without TLS?) to a TLS port, and the server answered with the alert ${alertName(alert.description)}`;
  }
  if (alert.reason !== 'read') return unreadableCause(alert);
  return `${causeOf(alert)}${sniText(alert.session)}`;
}

function name(side: Side): string {
  return side === Side.initiator ? 'the client' : 'the server';
}

function unreadableCause({ side, reason, session }: TlsAlert): string {
  const sni = sniText(session);
  switch (reason) {
    case 'serverCertificateRejected': {
      const host = session.serverName === '' ? 'another name than the client asked for' : 'another name';
      return `the client broke off with an encrypted alert, probably rejecting the server's certificate: an unknown issuer, self-signed, expired, or for ${host}${sni}`;
    }
    case 'clientCertificateMissing':
      return `the server broke off with an encrypted alert: it asked for a client certificate and the client sent none${sni}`;
    case 'clientCertificateRejected':
      return `the server broke off with an encrypted alert, probably rejecting the client's certificate: an unknown issuer, expired, revoked, or not allowed${sni}`;
    default:
      return `${name(side)} broke the handshake off with an encrypted alert${sni}`;
  }
}

function causeOf({ side, description, session, timeUs }: TlsAlert): string {
  const who = name(side);
  const peer = name(otherSide(side));
  switch (description) {
    case 0:
      return `${who} closed the session before the handshake was complete`;
    case 10:
      return `${who} got a message it did not expect: a faulty implementation, or both ends are not in the same protocol`;
    case 20:
    case 21:
      return `${who} could not decrypt a record: corrupted bytes, different keys (a wrong PSK), or something in between that meddles`;
    case 22:
      return `${who} got a record that is too long: corrupted bytes, or a faulty implementation`;
    case 40:
      return handshakeFailure(side, session);
    case 42:
    case 43:
    case 44:
    case 45:
    case 46:
    case 48:
      return certificateCause(side, description, session, timeUs);
    case 47:
      return `${who} found a value in ${peer}'s messages that is not allowed, or not one it had offered`;
    case 49:
      return `${who} knows ${peer}'s certificate and does not grant it access`;
    case 50:
      return `${who} could not take a message of ${peer} apart: a faulty implementation, or corrupted bytes`;
    case 51:
      return `${who} could not verify a signature or a Finished: a private key that does not match the certificate, or something in between that meddles`;
    case 70:
      return `no common protocol version: ${versions(session)}, which ${who} does not accept`;
    case 71:
      return `${who} demands stronger parameters: ${offerText(session) || `${peer}'s are too weak`}`;
    case 80:
      return `${who} failed by itself (internal error): its log says more`;
    case 86:
      return 'the client tried an older protocol version than it can speak, after an earlier attempt had failed; the server does not accept that';
    case 90:
      return `${who} was told to give up during the handshake`;
    case 100:
      return `${who} does not negotiate again in the middle of a session`;
    case 109:
      return `${who} misses an extension in ${peer}'s hello`;
    case 110:
      return `${who} got an extension it had not asked for`;
    case 112:
      return session.serverName === ''
        ? 'the server wants a server name (SNI) and the client sent none'
        : `the server does not serve the name \`${session.serverName}\``;
    case 113:
      return `${who} does not accept the revocation status (OCSP) that ${peer} stapled`;
    case 115:
      return 'the server does not know the identity of the pre-shared key the client named';
    case 116:
      return 'the server demands a client certificate and the client sent none';
    case 120:
      return `no common application protocol: the client offered ALPN ${session.offeredAlpn.join(', ') || '(none)'}`;
    case 121:
      return 'the client demands encrypted client hello, which the server did not accept';
    default:
      return `${who} sent the alert ${alertName(description)}`;
  }
}

function versions(session: TlsSession): string {
  if (session.version !== 0) return `the server chose ${versionName(session.version)}`;
  return session.offeredVersions.length === 0
    ? 'the client offered versions'
    : `the client offered ${session.offeredVersions.map(versionName).join(', ')}`;
}

function handshakeFailure(side: Side, session: TlsSession): string {
  if (side === Side.responder && session.clientCertificateRequested && session.clientCertificateSent === false) {
    return 'the server demands a client certificate and the client sent none';
  }
  if (session.version !== 0) {
    return side === Side.initiator
      ? `the client does not accept what the server chose (${versionName(session.version)})`
      : `the server broke the handshake off although ${versionName(session.version)} was agreed: often a client certificate it does not accept, or a key that does not fit`;
  }
  const offer = offerText(session);
  return `the two have nothing in common (version, cipher suite, curve or signature)${offer === '' ? '' : `: ${offer}`}`;
}

/** What a certificate alert says, before and behind the certificate. */
const CERTIFICATE_FAULTS: ReadonlyMap<number, readonly [string, string]> = new Map([
  [42, ['does not accept', '']],
  [43, ['cannot handle the kind of', '']],
  [44, ['says that', ' is revoked']],
  [45, ['says that', ' has expired']],
  [46, ['does not accept', '']],
]);

function certificateCause(side: Side, description: number, session: TlsSession, timeUs: number): string {
  const who = name(side);
  const holder = otherSide(side);
  const owner = `${name(holder)}'s certificate`;
  const chain = chainOf(session, holder);
  const leaf = chain?.leaf.fields;
  const facts: string[] = [];
  if (chain !== null && leaf != null) {
    for (const certificate of new Set([chain.leaf, chain.last])) {
      const validity = validityText(certificate, timeUs);
      if (validity !== '') facts.push(`\`${certificate.fields?.subject ?? '?'}\` ${validity}`);
    }
    if (holder === Side.responder && session.serverName !== '' && !chain.leaf.isFor(session.serverName)) {
      facts.push(`it is for ${leaf.subjectAltNames || leaf.subject}, not for \`${session.serverName}\``);
    }
    if (leaf.subject === leaf.issuer) facts.push('it is self-signed');
  }
  const why = facts.length === 0 ? '' : `: ${facts.join('; ')}`;
  if (description === 48) {
    if (leaf == null) return `${who} does not trust the issuer of ${owner}${why}`;
    const last = chain?.last.fields?.issuer;
    const via = last === undefined || last === leaf.issuer ? '' : ` (the chain ends at issuer \`${last}\`)`;
    return `${who} does not trust the issuer \`${leaf.issuer}\` of ${owner}${via}${why}`;
  }
  const subject = leaf == null ? '' : ` \`${leaf.subject}\``;
  const [before, behind] = CERTIFICATE_FAULTS.get(description) ?? ['rejects', ''];
  return `${who} ${before} ${owner}${subject}${behind}${why}`;
}
