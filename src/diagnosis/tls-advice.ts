import type { CauseId } from '../model/cause-id.ts';
import { Side } from '../model/connection.ts';
import type { AdviceNames } from './advice-names.ts';
import type { EventLine } from './event-line.ts';

/** What to try next where TLS fails. Alerts: RFC 8446 §6.2. */
export function tlsAdvice(causeId: CauseId, event: EventLine, names: AdviceNames): string[] {
  if (causeId.startsWith('tls.exception.')) return notTls(causeId, names);
  if (causeId.startsWith('tls.warning.')) {
    return [
      'Nothing to do as long as the handshake completes: a warning is information. A server that warns of the name (unrecognized_name) answers with its default certificate: add the name to it if clients complain.',
    ];
  }
  const show = `openssl s_client -connect ${names.server}${names.serverName} </dev/null`;
  switch (causeId.slice('tls.alert.'.length)) {
    case 'close-notify':
    case 'user-canceled':
      return [
        'A client that gives up, or a probe that only tests the port: harmless unless somebody misses an answer.',
      ];
    case 'bad-certificate':
    case 'unsupported-certificate':
    case 'certificate-revoked':
    case 'certificate-unknown':
    case 'unknown-ca':
    case 'encrypted':
      return event.by === Side.responder ? clientCertificate(event, names) : serverCertificate(show);
    case 'certificate-expired':
      return event.by === Side.responder
        ? clientCertificate(event, names)
        : [
            `Which certificate has expired? \`${show} | openssl x509 -noout -subject -dates\``,
            'Renew it (cert-manager: `kubectl get certificates -A`), and let the server load the new one: many read it only when they start.',
            'If the dates are right, one of the two clocks is wrong.',
          ];
    case 'handshake-failure':
    case 'illegal-parameter':
    case 'protocol-version':
    case 'insufficient-security':
    case 'inappropriate-fallback':
      return [
        `What does the server accept? \`${show} -tls1_2\`, the same with -tls1_3. The cause above says what the client offered.`,
        'Bring the oldest of the two up to date, or allow a common version, cipher suite and curve on both.',
        'Does the server demand a client certificate (mutual TLS, a service mesh)? Then this is how some servers say that it is missing.',
      ];
    case 'unrecognized-name':
      return [
        'The client asks for a name that the server does not serve: compare it with the hosts of the Ingress or virtual server, and with the address the client was given.',
      ];
    case 'certificate-required':
      return clientCertificate(event, names);
    case 'no-application-protocol':
      return [
        'The two have no application protocol in common (ALPN): an HTTP/2-only client (gRPC) at an HTTP/1.1 server, or the reverse. Enable h2 on the server, or HTTP/1.1 in the client.',
      ];
    default:
      return [
        `${event.by === Side.initiator ? "The client's" : "The server's"} log says why it broke off; \`${show}\` tries the same by hand.`,
      ];
  }
}

function serverCertificate(show: string): string[] {
  return [
    `What does the server present? \`${show} -showcerts\``,
    'Does the client trust its issuer? Mount the CA into the client (a ConfigMap; SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, REQUESTS_CA_BUNDLE, a Java truststore), and let the server send its whole chain.',
    'Is the name the client asks for among the names of the certificate? A Service needs all the forms that are used: svc, svc.namespace, svc.namespace.svc.cluster.local.',
  ];
}

function clientCertificate({ by }: EventLine, { server, serverName }: AdviceNames): string[] {
  return [
    `The server wants a certificate of the client (mutual TLS): does the client have one, and does it send it? \`openssl s_client -connect ${server}${serverName} -cert CERT -key KEY\``,
    `Does the server trust its issuer, is it still valid, and is it for client authentication (\`openssl x509 -in CERT -noout -text\`)?${by === Side.responder ? " The server's log names the reason." : ''}`,
  ];
}

function notTls(causeId: CauseId, { server, serverName }: AdviceNames): string[] {
  if (causeId !== 'tls.exception.corrupt' && causeId !== 'tls.exception.message-order') {
    return [
      `One speaks TLS, the other does not: is it the right port, and http:// or https:// as it should be? \`curl -v http://${server}/\` and \`openssl s_client -connect ${server}${serverName}\` show what is spoken there.`,
      'Behind an Ingress or a mesh: is TLS ended twice, or never (backend protocol, appProtocol or port name of the Service)?',
    ];
  }
  return [
    'Does it happen with one program only? Then it is a faulty implementation: bring it up to date. With all of them, something in between changes bytes: a proxy, an inspecting firewall, a network card.',
    'The pcap holds the bytes: open it in Wireshark and look for the record before the one it cannot read.',
  ];
}
