import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Side } from '../../../src/model/connection.ts';
import { PreambleResult, type TlsPreamble } from '../../../src/protocols/tls/tls-preamble.ts';
import { ConnectPreamble, LinePreamble, XmppPreamble } from '../../../src/protocols/tls/tls-preamble-text.ts';

const test = suite('preambles of text');

const ASK = 'CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n';
const GRANTED = 'HTTP/1.1 200 Connection established\r\n\r\n';
/** Bytes of other packets in the same memory. */
const BEFORE = 5;

/** Feeds lines like `> text`, `< text`; the last result, offsets counted from the beginning of that text. */
function feed(preamble: TlsPreamble, ...lines: readonly string[]): number {
  let result: number = PreambleResult.more;
  for (const line of lines) {
    const side = line.startsWith('>') ? Side.initiator : Side.responder;
    const piece = Buffer.from(line.slice(2), 'latin1');
    const memory = Buffer.concat([Buffer.alloc(BEFORE, 0x0a), piece, Buffer.alloc(4, 0x0a)]);
    result = preamble.feed(side, memory, BEFORE, BEFORE + piece.length);
  }
  return result < 0 ? result : result - BEFORE;
}

test('CONNECT: TLS begins behind the head that grants it', () => {
  const preamble = new ConnectPreamble();
  assert.is(feed(preamble, `> ${ASK}`), PreambleResult.more);
  assert.is(preamble.upgraded, false);
  assert.is(feed(preamble, `< ${GRANTED}`), GRANTED.length);
  assert.is(preamble.upgraded, true);
  assert.is(preamble.name, 'HTTP CONNECT');
});

test('CONNECT: what comes with the head belongs to the tunnel', () => {
  const preamble = new ConnectPreamble();
  assert.is(feed(preamble, `> ${ASK}`, `< ${GRANTED}220 hello\r\n`), GRANTED.length);
});

test('CONNECT in any two pieces', () => {
  for (let cut = 1; cut < GRANTED.length; cut++) {
    const preamble = new ConnectPreamble();
    const asked = [`> ${ASK.slice(0, cut)}`, `> ${ASK.slice(cut)}`];
    const result = feed(preamble, ...asked, `< ${GRANTED.slice(0, cut)}`, `< ${GRANTED.slice(cut)}tls`);
    assert.is(result, GRANTED.length - cut, `cut at ${cut}`);
  }
});

test('CONNECT: an interim response comes before', () => {
  const preamble = new ConnectPreamble();
  assert.is(feed(preamble, `> ${ASK}`, '< HTTP/1.1 100 Continue\r\n\r\n'), PreambleResult.more);
  assert.is(feed(preamble, `< ${GRANTED}`), GRANTED.length);
  const interim = 'HTTP/1.1 100 Continue\r\n\r\n';
  const inOnePiece = feed(new ConnectPreamble(), `> ${ASK}`, `< ${interim}${GRANTED}tls`);
  assert.is(inOnePiece, interim.length + GRANTED.length, 'in the same segment');
});

for (const [name, ...lines] of [
  ['it is refused', `> ${ASK}`, '< HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'],
  ['the answer is no HTTP', `> ${ASK}`, '< hello\r\n\r\n'],
  ['the server speaks first', `< ${GRANTED}`],
  ['the client does not wait', `> ${ASK}`, '> more'],
  ['a head without an end', '> CONNECT a:443 HTTP/1.1\r\n', `> x: ${'y'.repeat(8_200)}`],
  ['an answer without an end', `> ${ASK}`, `< HTTP/1.1 200 ${'y'.repeat(8_200)}`],
] as const) {
  test(`CONNECT leads to no TLS: ${name}`, () => {
    const preamble = new ConnectPreamble();
    assert.is(feed(preamble, ...lines), PreambleResult.none);
    assert.is(preamble.upgraded, false);
  });
}

test('CONNECT is told by its first eight bytes', () => {
  const begins = (text: string) => ConnectPreamble.begins(Buffer.from(text, 'latin1'), 0, text.length);
  assert.is(begins('CONNECT '), true);
  assert.is(begins('CONNECT'), false);
  assert.is(begins('CONNECTED'), false);
  assert.is(begins('connect a'), false);
});

const refusals: readonly { readonly name: string; readonly lines: readonly string[] }[] = [
  { name: 'SMTP', lines: ['< 220 x\r\n', '> EHLO me\r\n', '< 250 OK\r\n', '> STARTTLS\r\n', '< 454 no\r\n'] },
  { name: 'IMAP', lines: ['< * OK x\r\n', '> a STARTTLS\r\n', '< * BYE\r\n', '< a NO never\r\n'] },
  { name: 'POP3', lines: ['< +OK x\r\n', '> STLS\r\n', '< -ERR no\r\n'] },
];
for (const { name, lines } of refusals) {
  const goodbye = name === 'IMAP' ? '> b LOGOUT\r\n' : '> QUIT\r\n';
  test(`${name}: declined when the client takes leave after a refusal`, () => {
    const preamble = new LinePreamble(name);
    assert.is(feed(preamble, ...lines), PreambleResult.more);
    assert.is(feed(preamble, goodbye), PreambleResult.declined);
  });
  test(`${name}: not declined when it goes on before it takes leave`, () => {
    const preamble = new LinePreamble(name);
    const goesOn = name === 'IMAP' ? '> b NOOP\r\n' : name === 'POP3' ? '> CAPA\r\n' : '> EHLO me\r\n';
    assert.is(feed(preamble, ...lines, goesOn), PreambleResult.more);
    assert.is.not(feed(preamble, goodbye), PreambleResult.declined);
  });
}

test('a goodbye without a refusal is no declining', () => {
  assert.is(feed(new LinePreamble('SMTP'), '< 220 x\r\n', '> QUIT\r\n'), PreambleResult.more);
});

test('XMPP without an end is followed for 8 KB of a side', () => {
  const preamble = new XmppPreamble();
  assert.is(feed(preamble, `> <stream:stream ${'a'.repeat(8_000)}`), PreambleResult.more);
  assert.is(feed(preamble, `> ${'a'.repeat(200)}`), PreambleResult.none);
});

test.run();
