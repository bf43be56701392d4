import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isHttpsClientShutdown, tlsAlert } from '../../src/detect/tls-alert.ts';
import { tlsEstablished } from '../../src/detect/tls-established.ts';
import { tlsException } from '../../src/detect/tls-exception.ts';
import type { Connection } from '../../src/model/connection.ts';
import type { NetworkEvent } from '../../src/model/event.ts';
import { UNKNOWN_PROCESS } from '../../src/model/process.ts';
import type { TlsSignal } from '../../src/protocols/tls/tls-signal.ts';
import { NO_QUALITY } from '../output/sample-connection.ts';
import { listen, parseDialogue } from '../protocols/tls/dialogue.ts';
import { recordedHandshakes } from '../protocols/tls/recorded-handshakes.ts';
import { alert, clientHello, message, protectedRecord, record, serverHello } from '../tools/tls-bytes.ts';

const test = suite('TLS events');

const connection: Connection = {
  ipVersion: 4,
  initiatorPort: 40000,
  responderPort: 443,
  beginUs: 1,
  endUs: Number.NaN,
  synAckLatencyUs: 11,
  ackLatencyUs: 22,
  tlsLatencyUs: 0,
  firstByteLatencyUs: 0,
  ...NO_QUALITY,
  initiatorBytes: 0,
  responderBytes: 0,
  connectionType: 1,
  endType: 0,
  endedBy: 0,
  podSide: 0,
  midstream: false,
  failure: '',
  certain: true,
  process: UNKNOWN_PROCESS,
  addressWord: (side) => 0x0a000001 + side,
};

function event(signal: TlsSignal | undefined, doubt?: string): NetworkEvent {
  switch (signal?.kind) {
    case 'completed':
      return tlsEstablished(signal, connection, doubt);
    case 'alert':
      return tlsAlert(signal, connection, doubt);
    case 'violation':
      return tlsException(signal, connection, doubt);
    default:
      throw new Error('nothing was said');
  }
}

const recorded = (name: string, skip = 0) =>
  [...(recordedHandshakes[name] ?? [])].slice(0, skip === 0 ? undefined : skip);
const hello = (options = {}) => `> ${record(22, clientHello({ name: 'shop.example', ...options }))}`;
const flight13 = `< ${record(22, serverHello({ versions: [0x0304], suites: [0x1301] }))}${protectedRecord(23)}${protectedRecord(53)}`;
const asking = `< ${record(22, serverHello() + message(13, '0101000000') + message(14, ''))}`;
const http = '> "GET / HTTP/1.1\\r\\n\\r\\n"';

const causes: { name: string; lines: readonly string[]; value: number; cause: RegExp }[] = [
  {
    name: 'the issuer is unknown',
    lines: recorded('TLS 1.2 unknown CA'),
    value: 560,
    cause: /^the client does not trust the issuer `CN=other root` of the server's certificate; SNI shop\.example$/,
  },
  {
    name: 'the issuer is unknown, in TLS 1.3',
    lines: recorded('TLS 1.3 unknown CA'),
    value: 560,
    cause: /^the client does not trust the issuer of the server's certificate; SNI shop\.example$/,
  },
  {
    name: 'wrong host',
    lines: [
      ...recorded('TLS 1.2 ECDHE-ECDSA-AES128-CCM', 2).map((line, i) =>
        i === 0 ? hello({ name: 'other.example' }) : line,
      ),
      `> ${alert(2, 42)}`,
    ],
    value: 554,
    cause: /`CN=ecdsa\.example`: it is for DNS:shop\.example.*, not for `other\.example`/,
  },
  {
    name: 'nothing in common',
    lines: [hello({ versions: [0x0304] }), `< ${alert(2, 40)}`],
    value: 552,
    cause:
      /nothing in common .*: the client offered TLS 1\.3; cipher suites TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256; SNI/,
  },
  {
    name: 'version',
    lines: [hello(), `< ${alert(2, 70)}`],
    value: 582,
    cause:
      /^no common protocol version: the client offered TLS 1\.2, TLS 1\.1, TLS 1\.0, which the server does not accept/,
  },
  {
    name: 'name',
    lines: [hello(), `< ${alert(1, 112)}`],
    value: 368,
    cause: /does not serve the name `shop\.example`/,
  },
  { name: 'ALPN', lines: [hello({ alpn: ['h2'] }), `< ${alert(2, 120)}`], value: 632, cause: /offered ALPN h2/ },
  {
    name: 'no client certificate',
    lines: [hello(), asking, `> ${record(22, message(11, '000000') + message(16, ''))}`, `< ${alert(2, 40)}`],
    value: 552,
    cause: /demands a client certificate and the client sent none/,
  },
  {
    name: 'client certificate required',
    lines: [hello(), `< ${alert(2, 116)}`],
    value: 628,
    cause: /demands a client certificate/,
  },
  {
    name: 'a description nobody knows',
    lines: [hello(), `< ${alert(2, 200)}`],
    value: 712,
    cause: /^the server sent the alert unknown_alert_200;/,
  },
  {
    name: 'HTTP spoken to a TLS port',
    lines: [http, `< ${alert(2, 10)}`],
    value: 522,
    cause: /spoke plain text .* to a TLS port/,
  },
  {
    name: 'encrypted, by the client',
    lines: [hello(), flight13, `> ${protectedRecord(19)}`],
    value: 767,
    cause: /probably rejecting the server's certificate/,
  },
  {
    name: 'encrypted, no client certificate',
    lines: recorded('TLS 1.3 client certificate missing'),
    value: 767,
    cause: /asked for a client certificate and the client sent none/,
  },
  {
    name: 'encrypted, client certificate rejected',
    lines: recorded('TLS 1.3 client certificate of a stranger'),
    value: 767,
    cause: /probably rejecting the client's certificate/,
  },
  {
    name: 'HTTP answered',
    lines: [hello(), '< "HTTP/1.1 400 Bad Request\\r\\n"'],
    value: 72,
    cause:
      /^HTTP was answered where TLS was begun: TLS spoken to a plain-text port \(it begins with `HTTP\/1\.1 400 Bad Request`\)$/,
  },
  {
    name: 'another protocol answered',
    lines: [hello(), '< "SSH-2.0-x y\\r\\n"'],
    value: 83,
    cause: /plain text was answered .*`SSH-2\.0-x y`/,
  },
  {
    name: 'a wrong length',
    lines: [hello(), '< 160303ffff'],
    value: 65535,
    cause: /the answer to the ClientHello is not TLS/,
  },
  {
    name: 'order',
    lines: [hello(), `< ${record(22, message(14, '') + serverHello())}`],
    value: 2,
    cause: /out of order \(type 2\)/,
  },
  {
    name: 'established',
    lines: recorded('TLS 1.2 ECDHE-ECDSA-AES128-CCM'),
    value: 771,
    cause: /^TLS 1\.2 with TLS_ECDHE_ECDSA_WITH_AES_128_CCM; SNI shop\.example$/,
  },
  { name: 'resumed', lines: recorded('TLS 1.3 session ticket'), value: 772, cause: /\(an earlier session taken up\)/ },
];
for (const { name, lines, value, cause } of causes) {
  test(name, () => {
    const said = event(listen(parseDialogue(lines)).signals[0]);
    assert.is(said.value, value);
    assert.match(said.cause, cause);
  });
}

test('an alert says who, what and of which session', () => {
  const said = event(listen(parseDialogue(recorded('TLS 1.2 unknown CA'))).signals[0]);
  assert.is(said.name, 'TLS_ALERT');
  assert.is(said.by, 0);
  assert.is(said.confidence, undefined);
  assert.is(said.tls?.alert, 'unknown_ca');
  assert.is(said.tls?.version, 'TLS 1.2');
  assert.equal(said.tls?.certificate, {
    subject: 'CN=stranger.example',
    issuer: 'CN=other root',
    notAfter: '2044-01-01T00:00:00Z',
  });
  assert.is(said.connection?.destinationAddress, '10.0.0.2');
});

test('an alert that can be nothing else is certain, and says why it is taken for one', () => {
  const said = event(listen(parseDialogue([hello(), flight13, `> ${protectedRecord(19)}`])).signals[0]);
  assert.match(said.confidence ?? '', /concluded from the record's length/);
  assert.is(said.certain, true);
});

test('doubt about the connection is doubt about the event', () => {
  const said = event(listen(parseDialogue([hello(), `< ${alert(2, 40)}`])).signals[0], 'packets were lost');
  assert.is(said.confidence, 'packets were lost');
  assert.is(said.certain, false);
});

test('a certificate that is out of date is named with its date, at the time of the packet', () => {
  const [signal] = listen(
    parseDialogue([...recorded('TLS 1.2 ECDHE-ECDSA-AES128-CCM', 2), `> ${alert(2, 45)}`]),
  ).signals;
  if (signal?.kind !== 'alert') throw new Error('no alert');
  const late = tlsAlert({ ...signal, timeUs: Date.UTC(2050, 0, 1) * 1000 }, connection);
  assert.match(
    late.cause,
    /^the client says that the server's certificate `CN=ecdsa\.example` has expired: `CN=ecdsa\.example` expired on 2044-01-01T00:00:00Z; /,
  );
  const early = tlsAlert({ ...signal, timeUs: Date.UTC(2019, 0, 1) * 1000 }, connection);
  assert.match(early.cause, /is not valid before 2020-01-01T00:00:00Z/);
});

test('established: what is known in clear', () => {
  const said = event(listen(parseDialogue(recorded('TLS 1.2 ECDHE-ECDSA-AES128-CCM'))).signals[0]);
  assert.equal(said.tls, {
    version: 'TLS 1.2',
    cipher: 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM',
    serverName: 'shop.example',
    handshakeUs: 300,
    certificate: { subject: 'CN=ecdsa.example', issuer: 'CN=ca root', notAfter: '2044-01-01T00:00:00Z' },
  });
});

test('a client of port 443 that says goodbye before completion', () => {
  const [signal] = listen(parseDialogue([hello(), `> ${alert(1, 0)}`])).signals;
  if (signal?.kind !== 'alert') throw new Error('no alert');
  assert.is(isHttpsClientShutdown(signal, connection), true);
  assert.is(isHttpsClientShutdown(signal, { ...connection, responderPort: 8443 }), false);
  assert.is(isHttpsClientShutdown(signal, { ...connection, podSide: 1 }), false);
});

test.run();
