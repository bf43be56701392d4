import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { alert, clientHello, message, protectedRecord, record, serverHello } from '../../tools/tls-bytes.ts';
import { listen, parseDialogue } from './dialogue.ts';

const test = suite('TLS dialogues');

const ccs = record(20, '01');
const hello = `> ${record(22, clientHello({ name: 'shop.example', alpn: ['h2', 'http/1.1'] }), 0x0301)}`;
const hello13 = `> ${record(22, clientHello({ versions: [0x0304, 0x0303] }), 0x0301)}`;
const early13 = `> ${record(22, clientHello({ versions: [0x0304], earlyData: true }), 0x0301)}`;
const serverHello13 = record(22, serverHello({ versions: [0x0304], suites: [0x1301] }));
const serverPsk13 = record(22, serverHello({ versions: [0x0304], suites: [0x1301], psk: true }));
const flight13 = `< ${serverHello13}${ccs}${protectedRecord(23)}${protectedRecord(800)}${protectedRecord(281)}${protectedRecord(53)}`;
const flightPsk13 = `< ${serverPsk13}${ccs}${protectedRecord(23)}${protectedRecord(53)}`;
const certificate = message(11, '000000');
const flight12 = `< ${record(22, serverHello() + certificate + message(12, 'aa') + message(14, ''))}`;
const flight12Asking = `< ${record(22, serverHello() + certificate + message(13, '010100000000') + message(14, ''))}`;
const client12 = `> ${record(22, message(16, 'aabb'))}${ccs}${protectedRecord(40, 22)}`;
const server12 = `< ${ccs}${protectedRecord(40, 22)}`;
const long = '< "220-mail.example\\r\\n220 ready\\r\\n"';
const retry = record(
  22,
  serverHello({ versions: [0x0304], random: 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c' }),
);

const cases: { name: string; lines: string[]; want: string }[] = [
  // Up to TLS 1.2
  { name: 'a full handshake', lines: [hello, flight12, client12, server12], want: 'completed 771' },
  {
    name: 'one message a record',
    lines: [
      hello,
      `< ${[serverHello(), certificate, message(14, '')].map((one) => record(22, one)).join('')}`,
      client12,
      server12,
    ],
    want: 'completed 771',
  },
  {
    name: 'a message over two records',
    lines: [
      hello,
      `< ${record(22, serverHello().slice(0, 40))}${record(22, serverHello().slice(40) + message(14, ''))}`,
      client12,
      server12,
    ],
    want: 'completed 771',
  },
  {
    name: 'a message header over two records',
    lines: [
      hello,
      `< ${record(22, serverHello().slice(0, 4))}${record(22, serverHello().slice(4) + message(14, ''))}`,
      client12,
      server12,
    ],
    want: 'completed 771',
  },
  {
    name: 'an abbreviated handshake',
    lines: [
      hello,
      `< ${record(22, serverHello())}${ccs}${protectedRecord(40, 22)}`,
      `> ${ccs}${protectedRecord(40, 22)}`,
    ],
    want: 'completed 771 resumed',
  },
  {
    name: 'a new ticket before the Finished',
    lines: [hello, flight12, client12, `< ${record(22, message(4, 'aabb'))}${ccs}${protectedRecord(40, 22)}`],
    want: 'completed 771',
  },
  {
    name: 'data before the server has finished',
    lines: [hello, flight12, `${client12}${protectedRecord(99)}`, server12],
    want: 'completed 771',
  },
  {
    name: 'not complete without the Finished of the server',
    lines: [hello, flight12, client12, `< ${ccs}`, '< FIN', '> FIN'],
    want: '',
  },
  {
    name: 'a HelloRequest in between',
    lines: [hello, `< ${record(22, message(0, ''))}`, flight12, client12, server12],
    want: 'completed 771',
  },
  {
    name: 'SSL 3.0',
    lines: [
      `> ${record(22, clientHello({ version: 0x0300 }), 0x0300)}`,
      `< ${record(22, serverHello({ version: 0x0300 }) + message(14, ''), 0x0300)}`,
      client12,
      server12,
    ],
    want: 'completed 768',
  },
  {
    name: 'an encrypted alert before completion',
    lines: [hello, flight12, `${client12}${protectedRecord(26, 21)}`, '> FIN'],
    want: 'alert 767 by 0 unknown',
  },
  {
    name: 'the end of a completed session is no event',
    lines: [hello, flight12, client12, server12, `> ${protectedRecord(26, 21)}`, '> FIN', '< RST'],
    want: 'completed 771',
  },
  // Alerts in clear
  { name: 'nothing in common', lines: [hello, `< ${alert(2, 40)}`, '< FIN'], want: 'alert 552 by 1' },
  { name: 'the client rejects the certificate', lines: [hello, flight12, `> ${alert(2, 48)}`], want: 'alert 560 by 0' },
  {
    name: 'the server rejects the client certificate',
    lines: [
      hello,
      flight12Asking,
      `> ${record(22, certificate + message(16, 'aa'))}${ccs}${protectedRecord(40, 22)}`,
      `< ${alert(2, 42)}`,
    ],
    want: 'alert 554 by 1',
  },
  {
    name: 'a close_notify before completion',
    lines: [hello, flight12, `> ${alert(1, 0)}`, '> FIN'],
    want: 'alert 256 by 0',
  },
  {
    name: 'a warning, then all is well',
    lines: [hello, `< ${alert(1, 112)}`, flight12, client12, server12],
    want: 'alert 368 by 1, completed 771',
  },
  {
    name: 'warnings without end',
    lines: [hello, `< ${alert(1, 112).repeat(50)}`],
    want: 'alert 368 by 1, alert 368 by 1, alert 368 by 1, alert 368 by 1',
  },
  {
    name: 'a record of an alert with one byte is none in clear',
    lines: [hello, `< ${record(21, '02')}${record(21, '28')}`],
    want: '',
  },
  { name: 'an alert in two segments', lines: [hello, '< 15030300', '< 020228'], want: 'alert 552 by 1' },
  {
    name: 'a record of an alert with four bytes is none in clear',
    lines: [hello, `< ${record(21, '01700228')}`],
    want: '',
  },
  {
    name: 'an alert in clear after the ServerHello of TLS 1.3',
    lines: [hello13, flight13, `> ${alert(2, 48)}`],
    want: 'alert 560 by 0',
  },
  { name: 'an alert and no hello in the capture: its keys may be in use', lines: [`< ${alert(2, 70)}`], want: '' },
  {
    name: 'HTTP spoken to a TLS port',
    lines: ['> "GET / HTTP/1.1\\r\\n\\r\\n"', `< ${alert(2, 10, 0x0301)}`],
    want: 'alert 522 by 1',
  },
  // TLS 1.3
  { name: '1.3', lines: [hello13, flight13, `> ${ccs}${protectedRecord(53)}`], want: 'completed 772' },
  {
    name: '1.3 with SHA-384',
    lines: [hello13, flight13.replace('1301', '1302'), `> ${protectedRecord(69)}`],
    want: 'completed 772',
  },
  {
    name: '1.3, the client alerts in place of its Finished',
    lines: [hello13, flight13, `> ${ccs}${protectedRecord(19)}`],
    want: 'alert 767 by 0 serverCertificateRejected inferred',
  },
  {
    name: '1.3 with a PSK, the client alerts',
    lines: [hello13, flightPsk13, `> ${protectedRecord(19)}`],
    want: 'alert 767 by 0 unknown inferred',
  },
  {
    name: '1.3, the server alerts in place of its first message',
    lines: [hello13, `< ${serverHello13}${protectedRecord(19)}`],
    want: 'alert 767 by 1 unknown inferred',
  },
  {
    name: '1.3, the server gives up waiting for the client',
    lines: [hello13, flight13, `< ${protectedRecord(19)}`, '< FIN'],
    want: 'alert 767 by 1 unknown inferred',
  },
  {
    name: '1.3, two bytes of the server before the Finished',
    lines: [hello13, flight13, `< ${protectedRecord(19)}`, `> ${protectedRecord(53)}`, '< FIN'],
    want: 'completed 772',
  },
  {
    name: '1.3 client certificate, tickets',
    lines: [
      hello13,
      flight13,
      `> ${protectedRecord(700)}${protectedRecord(281)}${protectedRecord(53)}`,
      `< ${protectedRecord(250)}`,
    ],
    want: 'completed 772',
  },
  {
    name: '1.3 client certificate in one record',
    lines: [hello13, flight13, `> ${protectedRecord(1100)}`, `< ${protectedRecord(250)}`],
    want: 'completed 772',
  },
  {
    name: '1.3 client certificate, no tickets, an answer',
    lines: [
      hello13,
      flight13,
      `> ${protectedRecord(700)}${protectedRecord(53)}`,
      `> ${protectedRecord(99)}`,
      `< ${protectedRecord(99)}`,
    ],
    want: 'completed 772',
  },
  {
    name: '1.3 client certificate rejected',
    lines: [
      hello13,
      flight13,
      `> ${protectedRecord(700)}${protectedRecord(281)}${protectedRecord(53)}`,
      `< ${protectedRecord(19)}`,
      '< FIN',
    ],
    want: 'alert 767 by 1 clientCertificateRejected inferred',
  },
  {
    name: '1.3 client certificate rejected, then a close_notify',
    lines: [
      hello13,
      flight13,
      `> ${protectedRecord(700)}${protectedRecord(53)}`,
      `< ${protectedRecord(19)}${protectedRecord(19)}`,
      '< RST',
    ],
    want: 'alert 767 by 1 clientCertificateRejected inferred',
  },
  {
    name: '1.3 client certificate rejected while the client sends data',
    lines: [
      hello13,
      flight13,
      `> ${protectedRecord(700)}${protectedRecord(53)}${protectedRecord(120)}`,
      `< ${protectedRecord(19)}`,
      `> ${protectedRecord(120)}`,
      '< RST',
    ],
    want: 'alert 767 by 1 clientCertificateRejected inferred',
  },
  {
    name: '1.3 client certificate rejected, the client goes first',
    lines: [hello13, flight13, `> ${protectedRecord(700)}${protectedRecord(53)}`, `< ${protectedRecord(19)}`, '> FIN'],
    want: 'alert 767 by 1 clientCertificateRejected inferred',
  },
  {
    name: '1.3 client certificate missing',
    lines: [hello13, flight13, `> ${protectedRecord(25)}${protectedRecord(53)}`, `< ${protectedRecord(19)}`, '< FIN'],
    want: 'alert 767 by 1 clientCertificateMissing inferred',
  },
  {
    name: '1.3 client certificate missing, in one record',
    lines: [hello13, flight13, `> ${protectedRecord(61)}`, `< ${protectedRecord(19)}`, '< RST'],
    want: 'alert 767 by 1 clientCertificateMissing inferred',
  },
  {
    name: '1.3 both close, the client first',
    lines: [
      hello13,
      flight13,
      `> ${protectedRecord(700)}${protectedRecord(53)}${protectedRecord(19)}`,
      '> FIN',
      `< ${protectedRecord(19)}`,
      '< FIN',
    ],
    want: 'completed 772 doubtful',
  },
  {
    name: '1.3 the client closes first, the server resets',
    lines: [
      hello13,
      flight13,
      `> ${protectedRecord(700)}${protectedRecord(53)}${protectedRecord(19)}`,
      '> FIN',
      `< ${protectedRecord(19)}`,
      '< RST',
    ],
    want: 'alert 767 by 1 clientCertificateRejected inferred',
  },
  {
    name: '1.3 two bytes of data as the first answer',
    lines: [
      hello13,
      flight13,
      `> ${protectedRecord(700)}${protectedRecord(53)}`,
      `< ${protectedRecord(19)}`,
      `< ${protectedRecord(90)}`,
      '< FIN',
    ],
    want: 'completed 772',
  },
  {
    name: '1.3 a client that only sends',
    lines: [
      hello13,
      flight13,
      `> ${protectedRecord(700)}${protectedRecord(53)}`,
      `> ${protectedRecord(90).repeat(16)}`,
      `< ${protectedRecord(19)}`,
      '< FIN',
    ],
    want: 'completed 772',
  },
  {
    name: '1.3 HelloRetryRequest',
    lines: [
      hello13,
      `< ${retry}${ccs}`,
      `> ${ccs}${record(22, clientHello({ versions: [0x0304] }))}`,
      flight13,
      `> ${protectedRecord(53)}`,
    ],
    want: 'completed 772',
  },
  {
    name: '1.3 early data accepted',
    lines: [early13, `> ${ccs}${protectedRecord(300)}`, flightPsk13, `> ${protectedRecord(21)}${protectedRecord(53)}`],
    want: 'completed 772 resumed',
  },
  {
    name: '1.3 early data as long as a Finished',
    lines: [early13, flightPsk13, `> ${protectedRecord(53)}`, `> ${protectedRecord(21)}${protectedRecord(53)}`],
    want: 'completed 772 resumed',
  },
  {
    name: '1.3 early data refused',
    lines: [early13, `> ${ccs}${protectedRecord(300)}`, flightPsk13, `> ${protectedRecord(53)}${protectedRecord(300)}`],
    want: 'completed 772 resumed',
  },
  {
    name: '1.3 early data of two bytes',
    lines: [
      early13,
      `> ${protectedRecord(19)}`,
      flightPsk13,
      `> ${protectedRecord(19)}`,
      `> ${protectedRecord(21)}${protectedRecord(53)}`,
    ],
    want: 'completed 772 resumed',
  },
  {
    name: '1.3 early data, then an alert',
    lines: [early13, `> ${protectedRecord(300)}`, flightPsk13, `> ${protectedRecord(19)}`, '> FIN'],
    want: 'alert 767 by 0 unknown inferred',
  },
  {
    name: '1.3 under an unknown suite',
    lines: [hello13, flight13.replace('1301', '13f0'), `> ${protectedRecord(80)}`, `< ${protectedRecord(200)}`],
    want: 'completed 772',
  },
  {
    name: 'a draft of 1.3',
    lines: [
      hello13,
      `< ${record(22, serverHello({ versions: [0x7f1c], suites: [0x1301] }))}`,
      `> ${protectedRecord(53)}`,
    ],
    want: 'completed 772',
  },
  {
    name: 'an old draft of 1.3, whose ServerHello is shorter',
    lines: [hello13, `< ${record(22, message(2, `7f12${'b2'.repeat(32)}13010000`))}`, `> ${protectedRecord(53)}`],
    want: 'completed 772',
  },
  // Not TLS after all
  { name: 'HTTP answered', lines: [hello, '< "HTTP/1.1 400 Bad Request\\r\\n"'], want: 'violation http 72 by 1' },
  {
    name: 'another protocol answered',
    lines: [hello, '< "SSH-2.0-OpenSSH_9.2\\r\\n"'],
    want: 'violation recordType 83 by 1',
  },
  {
    name: 'TLS spoken to a mail server',
    lines: [long, hello, '< "500 5.5.1 unrecognized command\\r\\n"'],
    want: 'violation recordType 53 by 1',
  },
  {
    name: 'no such record type',
    lines: [hello, flight12, `> ${record(99, 'aa')}`],
    want: 'violation recordType 99 by 0',
  },
  {
    name: 'no such version',
    lines: [hello, `< ${record(22, serverHello(), 0x0203)}`],
    want: 'violation version 2 by 1',
  },
  {
    name: 'no such minor version',
    lines: [hello, `< ${record(22, serverHello(), 0x0309)}`],
    want: 'violation version 9 by 1',
  },
  {
    name: 'no such negotiated version',
    lines: [hello, `< ${record(22, serverHello({ version: 0x0399 }))}`],
    want: 'violation version 153 by 1',
  },
  { name: 'a record too long', lines: [hello, '< 160303ffff'], want: 'violation length 65535 by 1' },
  { name: 'an empty handshake record', lines: [hello, '< 1603030000'], want: 'violation length 0 by 1' },
  { name: 'an empty alert', lines: [hello, '< 1503030000'], want: 'violation length 0 by 1' },
  {
    name: 'a hello whose lengths lie',
    lines: [hello, `< ${record(22, message(2, `0303${'b2'.repeat(32)}ff${'00'.repeat(9)}`))}`],
    want: 'violation length 44 by 1',
  },
  {
    name: 'a ServerHello twice',
    lines: [hello, `< ${record(22, serverHello() + serverHello())}`],
    want: 'violation handshakeOrder 2 by 1',
  },
  {
    name: 'a certificate before the ServerHello',
    lines: [hello, `< ${record(22, certificate + serverHello())}`],
    want: 'violation handshakeOrder 2 by 1',
  },
  {
    name: 'a ClientHello of the server',
    lines: [hello, `< ${record(22, clientHello())}`],
    want: 'violation handshakeOrder 1 by 1',
  },
  {
    name: 'an unknown message',
    lines: [hello, `< ${record(22, message(77, ''))}`],
    want: 'violation handshakeOrder 77 by 1',
  },
  {
    name: 'data before anything',
    lines: [hello, `< ${protectedRecord(20)}`],
    want: 'violation handshakeOrder 23 by 1',
  },
  {
    name: 'at most one violation',
    lines: [hello, '< "HTTP/1.1 400 Bad Request\\r\\n"', '< "x"', '> "y"'],
    want: 'violation http 72 by 1',
  },
  {
    name: 'missing bytes explain what follows',
    lines: [hello, '< gap 100', '< "no record at all"', client12],
    want: '',
  },
  { name: 'reading goes on at a record behind the gap', lines: [hello, '< gap 2000', client12, server12], want: '' },
  {
    name: 'data of the server behind a gap proves TLS 1.2',
    lines: [hello, flight12, client12, '< gap 51', `< ${protectedRecord(99)}`],
    want: 'completed 771 doubtful',
  },
  // Not TLS at all, or from its middle
  { name: 'plain text', lines: ['> "GET / HTTP/1.1\\r\\n\\r\\n"', '< "HTTP/1.1 200 OK\\r\\n"'], want: '' },
  { name: 'bytes that only begin like a record', lines: ['> 160301002a02000000', '< "x"'], want: '' },
  { name: 'a record of silly length', lines: ['> 16030100000000'], want: '' },
  {
    name: 'a capture that begins in the data',
    lines: [`> ${protectedRecord(30)}`, `< ${protectedRecord(30)}`],
    want: '',
  },
  {
    name: 'an SSLv2-compatible hello',
    lines: [
      `> 802e01030100150000001000003500002f00000a0000050000040000090000ff${'c3'.repeat(16)}`,
      flight12.replaceAll('0303', '0301'),
      client12,
      server12,
    ],
    want: 'completed 769',
  },
];
for (const { name, lines, want } of cases) {
  test(name, () => assert.is(listen(parseDialogue(lines)).said, want));
}

const isTlsCases: { name: string; lines: string[]; wantsBytes: boolean; isTls: boolean }[] = [
  { name: 'a client hello', lines: [hello], wantsBytes: true, isTls: true },
  { name: 'the beginning of one', lines: [hello.slice(0, 12)], wantsBytes: true, isTls: false },
  { name: 'binary', lines: ['> 00010203'], wantsBytes: false, isTls: false },
  { name: 'HTTP', lines: ['> "GET / HTTP/1.1\\r\\n"', '< "HTTP/1.1 200 OK"'], wantsBytes: false, isTls: false },
  { name: 'the middle of a session', lines: [`< ${protectedRecord(99)}`], wantsBytes: false, isTls: true },
  {
    name: 'a server that greets in a protocol without TLS',
    lines: ['< "SSH-2.0-x\\r\\n"'],
    wantsBytes: false,
    isTls: false,
  },
];
for (const { name, lines, wantsBytes, isTls } of isTlsCases) {
  test(`whether it is TLS: ${name}`, () => {
    const { reader } = listen(parseDialogue(lines));
    assert.is(reader.wantsBytes, wantsBytes);
    assert.is(reader.isTls, isTls);
  });
}

test('a capture that cuts protected records still has their lengths', () => {
  const cut = `> 170303${'0013'}e7e7`;
  const flight = [`< ${serverHello13}${ccs}${protectedRecord(23)}17030303e8`, '< gap 1000'];
  assert.is(
    listen(parseDialogue([hello13, ...flight, cut, '> gap 17'])).said,
    'alert 767 by 0 serverCertificateRejected inferred',
  );
});

test('a ClientHello is a beginning, whatever was missed before it', () => {
  assert.is(listen(parseDialogue(['> gap 1', hello, flight12, client12, server12])).said, 'completed 771');
});

test('what the client offered is known when the server refuses', () => {
  const session = listen(parseDialogue([hello, `< ${alert(2, 40)}`])).signals[0]?.session;
  assert.is(session?.serverName, 'shop.example');
  assert.equal(session?.offeredAlpn, ['h2', 'http/1.1']);
  assert.equal(session?.offeredCipherSuites, [0x1301, 0xc02f]);
});

test('reserved values are not offers', () => {
  const lines = [
    `> ${record(22, clientHello({ versions: [0x5a5a, 0x0304], suites: [0xdada, 0x1301], alpn: ['\x0a\x0a', 'h2'] }))}`,
  ];
  const session = listen(parseDialogue(lines)).reader.session;
  assert.equal(session?.offeredVersions, [772]);
  assert.equal(session?.offeredCipherSuites, [0x1301]);
  assert.equal(session?.offeredAlpn, ['h2']);
});

test('the negotiated application protocol is read up to TLS 1.2', () => {
  const flight = `< ${record(22, serverHello({ alpn: ['h2'] }) + message(14, ''))}`;
  assert.is(listen(parseDialogue([hello, flight])).reader.session?.alpn, 'h2');
});

test('a name with control characters is made readable', () => {
  const lines = [`> ${record(22, clientHello({ name: 'a\nb\x00c' }))}`];
  assert.is(listen(parseDialogue(lines)).reader.session?.serverName, 'a?b?c');
});

test.run();
