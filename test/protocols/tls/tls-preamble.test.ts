import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clientHello, message, record, serverHello } from '../../tools/tls-bytes.ts';
import { listen, parseDialogue } from './dialogue.ts';

const test = suite('TLS begun from another protocol');

const tls = [`> ${record(22, clientHello())}`, `< ${record(22, serverHello() + message(14, ''))}`];
const text = (line: string) => `${line.slice(0, 2)}${JSON.stringify(line.slice(2))}`;
const ldapRequest = '301d02010177188016312e332e362e312e342e312e313436362e3230303337';
const mysqlGreeting = `4a0000000a${Buffer.from('8.0.36\0').toString('hex')}${'11'.repeat(62)}`;

const cases: { name: string; lines: string[]; from: string }[] = [
  {
    name: 'SMTP',
    lines: [
      '< 220-mail.example hello\r\n220 ESMTP\r\n',
      '> EHLO me\r\n',
      '< 250-mail.example\r\n250-STARTTLS\r\n250 OK\r\n',
      '> STARTTLS\r\n',
      '< 220 2.0.0 Ready\r\n',
    ].map(text),
    from: 'SMTP',
  },
  { name: 'FTP', lines: ['< 220 FTP\r\n', '> AUTH TLS\r\n', '< 234 Proceed\r\n'].map(text), from: 'FTP' },
  {
    name: 'IMAP',
    lines: [
      '< * OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n',
      '> a1 CAPABILITY\r\n',
      '< * CAPABILITY IMAP4rev1\r\na1 OK done\r\n',
      '> a.2 STARTTLS\r\n',
      '< a.2 OK begin\r\n',
    ].map(text),
    from: 'IMAP',
  },
  {
    name: 'POP3',
    lines: ['< +OK ready\r\n', '> CAPA\r\n', '< +OK\r\nSTLS\r\n.\r\n', '> STLS\r\n', '< +OK begin\r\n'].map(text),
    from: 'POP3',
  },
  {
    name: 'XMPP',
    lines: [
      "> <?xml version='1.0'?><stream:stream to='x'>",
      "< <?xml version='1.0'?><stream:stream><stream:features><starttls xmlns='urn'><required/></starttls></stream:features>",
      "> <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
      "< <proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    ].map(text),
    from: 'XMPP',
  },
  {
    name: 'XMPP, closed by an end tag',
    lines: ['> <stream:stream>', '< <stream:features/>', '> <starttls/>', "< <proceed xmlns='urn'></proceed>"].map(
      text,
    ),
    from: 'XMPP',
  },
  { name: 'LDAP', lines: [`> ${ldapRequest}`, '< 300c02010178070a010004000400'], from: 'LDAP' },
  {
    name: 'LDAP with long lengths',
    lines: [
      '> 308400000021020101778400000018' + '8016312e332e362e312e342e312e313436362e3230303337' + '',
      '< 30840000001002010178840000000' + '70a010004000400',
    ],
    from: 'LDAP',
  },
  { name: 'PostgreSQL', lines: ['> 0000000804d2162f', '< 53'], from: 'PostgreSQL' },
  {
    name: 'PostgreSQL, GSSAPI refused before',
    lines: ['> 0000000804d21630', '< 4e', '> 0000000804d2162f', '< 53'],
    from: 'PostgreSQL',
  },
  { name: 'MySQL', lines: [`< ${mysqlGreeting}`, `> 2000000185ae9f2000000001ff${'00'.repeat(23)}`], from: 'MySQL' },
];
for (const { name, lines, from } of cases) {
  test(name, () => {
    const { reader, said } = listen(parseDialogue([...lines, ...tls]));
    assert.is(said, '');
    assert.is(reader.isTls, true);
    assert.is(reader.session?.startedFrom, from);
    assert.is(reader.session?.version, 771);
  });
  test(`${name}, byte by byte`, () => {
    const steps = parseDialogue([...lines, ...tls]);
    // A server's greeting of MySQL is told by its first five bytes, which come in one segment.
    const whole = from === 'MySQL' ? 1 : 0;
    const bytes = steps.flatMap((step, i) =>
      'bytes' in step && i >= whole
        ? Array.from(step.bytes, (byte) => ({ side: step.side, bytes: Uint8Array.of(byte) }))
        : [step],
    );
    const { reader } = listen(bytes);
    const tellsLate = from === 'SMTP' || from === 'FTP' || from === 'IMAP' || from === 'POP3';
    if (!tellsLate) assert.is(reader.session?.startedFrom, from);
  });
}

const plain: { name: string; lines: string[] }[] = [
  {
    name: 'SMTP goes on in clear',
    lines: ['< 220 x\r\n', '> EHLO me\r\n', '< 250 OK\r\n', '> MAIL FROM:<a@b>\r\n'].map(text),
  },
  { name: 'POP3 logs in in clear', lines: ['< +OK x\r\n', '> USER me\r\n'].map(text) },
  { name: 'IMAP logs in in clear', lines: ['< * OK x\r\n', '> a LOGIN me x\r\n'].map(text) },
  { name: 'LDAP binds in clear', lines: ['> 300c020101600702010304008000'] },
  { name: 'LDAP refuses', lines: [`> ${ldapRequest}`, '< 300c02010178070a013404000400'] },
  { name: 'PostgreSQL refuses', lines: ['> 0000000804d2162f', '< 4e'] },
  { name: 'MySQL logs in in clear', lines: [`< ${mysqlGreeting}`, `> 2000000185a69f2000000001ff${'00'.repeat(23)}`] },
  { name: 'MySQL sends its login at once', lines: [`< ${mysqlGreeting}`, '> b200000185a69f20'] },
  { name: 'a page, not XMPP', lines: ['> <html><body>'].map(text) },
  { name: 'a greeting without an end', lines: [`< 220 ${'x'.repeat(600)}`].map(text) },
  { name: 'bytes of the server are missing', lines: ['< 220 x\r\n'].map(text).concat('< gap 20') },
];
for (const { name, lines } of plain) {
  test(`not TLS: ${name}`, () => {
    const { reader, said } = listen(parseDialogue(lines));
    assert.is(said, '');
    assert.is(reader.wantsBytes, false);
    assert.is(reader.isTls, false);
  });
}

test('a refused wish may be repeated', () => {
  const lines = [
    '< 220 x\r\n',
    '> STARTTLS\r\n',
    '< 454 not now\r\n',
    '> EHLO me\r\n',
    '< 250 OK\r\n',
    '> STARTTLS\r\n',
    '< 220 go\r\n',
  ];
  assert.is(listen(parseDialogue([...lines.map(text), ...tls])).reader.session?.startedFrom, 'SMTP');
});

test.run();
