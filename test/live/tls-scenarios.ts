import { REQUEST, type Scenario } from './tls-scenario.ts';

/** A scenario all of whose connections complete, once each and without an alert. */
export interface GoodScenario extends Scenario {
  readonly version: number;
  readonly resumed?: boolean;
  /** What the client asks for; `shop.example` when absent. */
  readonly serverName?: string;
}

/** A scenario whose connections all end with the same alert. */
export interface FailingScenario extends Scenario {
  readonly side: 0 | 1;
  /** Any of these: implementations choose differently. */
  readonly values: readonly number[];
}

type Arguments = readonly string[];
const UNREADABLE = 767;
const fatal = (description: number) => 512 + description;

/** It ends each connection itself: after its answer, or, with early data, at once, as its own input is at its end. */
const server =
  (certificate: string, ...more: Arguments): Scenario['server'] =>
  ({ port }) => [
    'openssl',
    's_server',
    '-quiet',
    '-accept',
    String(port),
    ...['-cert', `${certificate}.pem`, '-key', `${certificate}.key`, '-CAfile', 'ca.pem', '-no-CApath'],
    ...(more.includes('-early_data') ? more : ['-www', ...more]),
  ];
const client =
  (...more: Arguments): Scenario['client'] =>
  ({ address, port }) => [
    ...['openssl', 's_client', '-connect', `${address}:${port}`, '-servername', 'shop.example'],
    ...['-CAfile', 'ca.pem', '-no-CApath', ...more],
  ];
const curl =
  (...more: Arguments): Scenario['client'] =>
  ({ address, port }) => [
    ...['curl', '-sS', '-o', '/dev/null', '--max-time', '5', '--cacert', 'ca.pem'],
    ...['--resolve', `shop.example:${port}:${address}`, ...more, `https://shop.example:${port}/`],
  ];
const nodeServer =
  (options: string): Scenario['server'] =>
  ({ port }) => [
    'node',
    '-e',
    `const fs = require('fs');
     require('https').createServer({ key: fs.readFileSync('rsa.key'), cert: fs.readFileSync('rsa.pem'), ca: fs.readFileSync('ca.pem'), ${options} },
       (q, s) => s.end('ok')).on('tlsClientError', () => 0).listen(${port});`,
  ];
const nodeClient =
  (options: string): Scenario['client'] =>
  ({ address, port }) => [
    'node',
    '-e',
    `const fs = require('fs'); const tls = require('tls'); let left = 10;
     const one = () => { if (left-- === 0) return;
       const s = tls.connect({ host: '${address}', port: ${port}, servername: 'shop.example', ca: fs.readFileSync('ca.pem'), ${options} }, () => {
         s.write('GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n'); });
       s.on('error', () => 0).on('close', one).resume(); };
     one();`,
  ];

const T12 = ['-tls1_2'];
const T13 = ['-tls1_3'];
const WEAK = ['-cipher', 'ALL:@SECLEVEL=0'];
const CERTIFICATE = ['-cert', 'client.pem', '-key', 'client.key'];
const DEMAND = ['-Verify', '1', '-verify_return_error'];

const suites12 = [
  ['ECDHE-RSA-AES128-GCM-SHA256', 'rsa'],
  ['ECDHE-RSA-CHACHA20-POLY1305', 'rsa'],
  ['ECDHE-RSA-AES256-SHA384', 'rsa'],
  ['ECDHE-RSA-AES128-SHA', 'rsa'],
  ['DHE-RSA-AES256-GCM-SHA384', 'rsa'],
  ['AES256-SHA256', 'rsa'],
  ['AES128-CCM8', 'rsa'],
  ['ECDHE-ECDSA-AES128-CCM', 'ecdsa'],
  ['ECDHE-ECDSA-AES256-GCM-SHA384', 'ecdsa'],
  ['ECDHE-ECDSA-AES128-CCM8', 'ecdsa'],
] as const;
const suites13 = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_CCM_SHA256',
  'TLS_AES_128_CCM_8_SHA256',
] as const;

const good = (
  name: string,
  version: number,
  from: Scenario['server'],
  to: Scenario['client'],
  more: Partial<GoodScenario> = {},
): GoodScenario => ({ name, version, server: from, client: to, ...more });

const talk = { input: REQUEST };
const ccm8 = ['-cipher', 'ALL:@SECLEVEL=0', '-ciphersuites'];

/** wget speaks TLS with GnuTLS. */
const wget: Scenario['client'] = ({ address, port }) => [
  ...['wget', '-q', '-O', '/dev/null', '--tries=1', '--timeout=5', '--no-hsts', '--no-check-certificate'],
  `https://${address}:${port}/`,
];

/** A client that encrypts its alert as soon as it has keys (RFC 8446 §6 allows both). */
const gnutls: Scenario['client'] = ({ address, port }) => [
  ...['gnutls-cli', '--x509cafile', 'ca.pem', '--sni-hostname', 'shop.example', '--verify-hostname', 'shop.example'],
  ...['--port', String(port), address],
];

/** Handshakes that complete. */
export const goodScenarios: readonly GoodScenario[] = [
  ...suites12.map(([suite, certificate], i) =>
    good(
      `TLS 1.2 ${suite}`,
      771,
      server(certificate, ...T12, '-cipher', `${suite}:@SECLEVEL=0`),
      client('-cipher', `${suite}:@SECLEVEL=0`),
      i % 2 ? talk : {},
    ),
  ),
  ...suites13.map((suite, i) =>
    good(
      `TLS 1.3 ${suite}`,
      772,
      server(i % 2 ? 'rsa' : 'ecdsa', ...T13, ...ccm8, suite),
      client(...ccm8, suite),
      i % 2 ? talk : {},
    ),
  ),
  good('TLS 1.3 closed at once', 772, server('rsa', ...T13), client()),
  good('TLS 1.3 without tickets, closed at once', 772, server('rsa', ...T13, '-num_tickets', '0'), client()),
  good('TLS 1.0', 769, server('rsa', '-tls1', ...WEAK), client('-tls1', ...WEAK), talk),
  good('TLS 1.1', 770, server('rsa', '-tls1_1', ...WEAK), client('-tls1_1', ...WEAK), talk),
  good('TLS 1.2 client certificate', 771, server('rsa', ...T12, ...DEMAND), client(...CERTIFICATE), talk),
  good('TLS 1.2 client certificate asked for and not sent', 771, server('rsa', ...T12, '-verify', '1'), client(), talk),
  good('TLS 1.3 client certificate', 772, server('rsa', ...T13, ...DEMAND), client(...CERTIFICATE), talk),
  good('TLS 1.3 client certificate, closed at once', 772, server('rsa', ...T13, ...DEMAND), client(...CERTIFICATE)),
  good(
    'TLS 1.3 client certificate, no tickets',
    772,
    server('rsa', ...T13, ...DEMAND, '-num_tickets', '0'),
    client(...CERTIFICATE),
    talk,
  ),
  good(
    'TLS 1.3 client certificate, no tickets, closed at once',
    772,
    server('rsa', ...T13, ...DEMAND, '-num_tickets', '0'),
    client(...CERTIFICATE),
  ),
  good('TLS 1.3 client certificate asked for and not sent', 772, server('rsa', ...T13, '-verify', '1'), client(), talk),
  good(
    'TLS 1.3 client certificate asked for and not sent, closed at once',
    772,
    server('rsa', ...T13, '-verify', '1', '-num_tickets', '0'),
    client(),
  ),
  good('TLS 1.2 session ticket', 771, server('rsa', ...T12), client('-sess_in', 's12'), {
    first: client('-sess_out', 's12'),
    resumed: true,
    ...talk,
  }),
  good('TLS 1.2 session id', 771, server('rsa', ...T12, '-no_ticket'), client('-sess_in', 'i12'), {
    first: client('-sess_out', 'i12'),
    resumed: true,
  }),
  good(
    'TLS 1.2 PSK',
    771,
    server('rsa', ...T12, '-psk', '0a0b0c', '-cipher', 'PSK'),
    client('-psk', '0a0b0c', '-cipher', 'PSK'),
    talk,
  ),
  good('TLS 1.3 session ticket', 772, server('rsa', ...T13), client('-sess_in', 's13'), {
    first: client('-sess_out', 's13'),
    resumed: true,
    ...talk,
  }),
  good(
    'TLS 1.3 external PSK',
    772,
    server('rsa', ...T13, '-psk', '0a0b0c', '-ciphersuites', 'TLS_AES_128_GCM_SHA256'),
    client('-psk', '0a0b0c'),
    { resumed: true },
  ),
  good(
    'TLS 1.3 early data accepted',
    772,
    server('rsa', ...T13, '-early_data', '-no_anti_replay'),
    client('-sess_in', 'e13', '-early_data', 'request.txt'),
    { first: client('-sess_out', 'e13'), resumed: true },
  ),
  good(
    'TLS 1.3 early data refused',
    772,
    server('rsa', ...T13),
    client('-sess_in', 'r13', '-early_data', 'request.txt'),
    { first: client('-sess_out', 'r13'), resumed: true },
  ),
  good(
    'TLS 1.3 HelloRetryRequest',
    772,
    server('rsa', ...T13, '-groups', 'P-384'),
    client('-groups', 'X25519:P-384'),
    talk,
  ),
  good(
    'TLS 1.3 HelloRetryRequest and client certificate',
    772,
    server('rsa', ...DEMAND, '-groups', 'P-384'),
    client(...CERTIFICATE, '-groups', 'X25519:P-384'),
    talk,
  ),
  good('ALPN', 771, server('rsa', ...T12, '-alpn', 'h2,http/1.1'), client('-alpn', 'h2,http/1.1')),
  good('GnuTLS, TLS 1.2', 771, server('rsa', ...T12), wget, { serverName: '' }),
  good('GnuTLS, TLS 1.3', 772, server('rsa', ...T13), wget, { serverName: '' }),
  good('curl, TLS 1.2', 771, server('rsa', ...T12), curl()),
  good('curl, TLS 1.3', 772, server('rsa', ...T13), curl()),
  good(
    'curl, TLS 1.3 client certificate',
    772,
    server('rsa', ...T13, ...DEMAND),
    curl('--cert', 'client.pem', '--key', 'client.key'),
  ),
  good('Node to Node, TLS 1.3', 772, nodeServer(''), nodeClient(''), { connectionsPerRun: 10 }),
  good('Node to Node, TLS 1.2', 771, nodeServer("maxVersion: 'TLSv1.2'"), nodeClient(''), { connectionsPerRun: 10 }),
  good(
    'Node to Node, TLS 1.3 client certificate',
    772,
    nodeServer('requestCert: true, rejectUnauthorized: true'),
    nodeClient("cert: fs.readFileSync('client.pem'), key: fs.readFileSync('client.key')"),
    { connectionsPerRun: 10 },
  ),
];

const failing = (
  name: string,
  side: 0 | 1,
  values: readonly number[],
  from: Scenario['server'],
  to: Scenario['client'],
  more: Partial<FailingScenario> = {},
): FailingScenario => ({ name, side, values, server: from, client: to, ...more });

const strict = (...more: Arguments) => client('-verify_return_error', ...more);
const STRANGER = ['-cert', 'stranger.pem', '-key', 'stranger.key'];
const EXPIRED = ['-cert', 'expired.pem', '-key', 'expired.key'];
/** What a server says of a client's certificate: in TLS 1.3 it is encrypted. */
const byServer = (value: number, tls13: boolean) => (tls13 ? [UNREADABLE] : [value]);

/** Handshakes that do not. */
export const failingScenarios: readonly FailingScenario[] = [
  ...[T12, T13].flatMap((version) => {
    const tls13 = version === T13;
    const at = tls13 ? 'TLS 1.3' : 'TLS 1.2';
    return [
      failing(`${at} expired`, 0, [fatal(45)], server('expired', ...version), strict()),
      failing(`${at} self-signed`, 0, [fatal(48)], server('self', ...version), strict()),
      failing(
        `${at} wrong host`,
        0,
        [fatal(42)],
        server('rsa', ...version),
        strict('-verify_hostname', 'other.example'),
      ),
      failing(`${at} unknown CA`, 0, [fatal(48)], server('stranger', ...version), strict()),
      failing(`${at} unknown CA, curl`, 0, [fatal(48)], server('stranger', ...version), curl()),
      failing(`${at} expired, curl`, 0, [fatal(45)], server('expired', ...version), curl()),
      failing(
        `${at} client certificate missing`,
        1,
        tls13 ? [UNREADABLE] : [fatal(40)],
        server('rsa', ...version, ...DEMAND),
        client(),
        talk,
      ),
      failing(
        `${at} client certificate missing, curl`,
        1,
        tls13 ? [UNREADABLE] : [fatal(40)],
        server('rsa', ...version, ...DEMAND),
        curl(),
      ),
      failing(
        `${at} client certificate of a stranger`,
        1,
        byServer(fatal(48), tls13),
        server('rsa', ...version, ...DEMAND),
        client(...STRANGER),
        talk,
      ),
      failing(
        `${at} client certificate of a stranger, curl`,
        1,
        byServer(fatal(48), tls13),
        server('rsa', ...version, ...DEMAND),
        curl('--cert', 'stranger.pem', '--key', 'stranger.key'),
      ),
      failing(
        `${at} client certificate expired`,
        1,
        byServer(fatal(45), tls13),
        server('rsa', ...version, ...DEMAND),
        client(...EXPIRED),
        talk,
      ),
      failing(
        `${at} no common application protocol`,
        1,
        [fatal(120)],
        nodeServer(`ALPNProtocols: ['h2'], ${tls13 ? '' : "maxVersion: 'TLSv1.2'"}`),
        client('-alpn', 'other', ...version),
      ),
    ];
  }),
  failing(
    'TLS 1.2 no common cipher',
    1,
    [fatal(40)],
    server('rsa', ...T12, '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256'),
    client('-cipher', 'AES256-SHA', ...T12),
  ),
  failing(
    'TLS 1.3 no common cipher',
    1,
    [fatal(40)],
    server('rsa', ...T13, '-ciphersuites', 'TLS_AES_128_GCM_SHA256'),
    client(...T13, '-ciphersuites', 'TLS_AES_256_GCM_SHA384'),
  ),
  failing('no common version, the client older', 1, [fatal(70)], server('rsa', ...T13), client(...T12)),
  failing('no common version, the server older', 1, [fatal(70)], server('rsa', ...T12), client(...T13)),
  failing(
    'TLS 1.2 wrong PSK',
    1,
    [fatal(20), fatal(51)],
    server('rsa', ...T12, '-psk', '0a0b0c', '-cipher', 'PSK'),
    client('-psk', '0d0e0f', '-cipher', 'PSK'),
  ),
  failing('TLS 1.3 expired, GnuTLS', 0, [UNREADABLE], server('expired', ...T13), gnutls),
  failing('TLS 1.3 self-signed, GnuTLS', 0, [UNREADABLE], server('self', ...T13), gnutls),
  failing('TLS 1.3 unknown CA, GnuTLS', 0, [UNREADABLE], server('stranger', ...T13), gnutls),
  failing('TLS 1.2 unknown CA, GnuTLS', 0, [fatal(42), fatal(48)], server('stranger', ...T12), gnutls),
  failing('no common group', 1, [fatal(40)], server('rsa', ...T13, '-groups', 'P-384'), client('-groups', 'X25519')),
];
