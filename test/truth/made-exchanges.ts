import { TcpFlag } from '../../src/model/packet.ts';
import { recordedHandshakes } from '../protocols/tls/recorded-handshakes.ts';
import { CONTENTS } from '../tools/content.ts';
import { Random } from '../tools/random.ts';
import { connectionSegments } from '../tools/synthetic-connection.ts';
import { alert, clientHello, record } from '../tools/tls-bytes.ts';
import { protectedRecords } from '../tools/tls-content.ts';
import { type Captured, type Exchange, withIpId } from './captured.ts';
import { Conversation, icmpError, segmentFrame } from './conversation.ts';

const { ack: ACK, psh: PSH, rst: RST, syn: SYN } = TcpFlag;
const GET = 'GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
const BIG = `HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n${'b'.repeat(5_000)}`;
const CUT = `HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n${'c'.repeat(4_000)}`;
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n';
const CHUNKED_CUT = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n600\r\n world';
const HELLO = Buffer.from(record(22, clientHello({ name: 'shop.example' }), 0x0301), 'hex');
const SSL_REQUEST = Buffer.from('0000000804d2162f', 'hex');

const http = (clientPort = 40_000) => new Conversation({ serverPort: 8_080, clientPort }).open();
const plain = () => new Conversation({ serverPort: 9_092 }).open();

/** Longer exchanges take long, and show nothing that shorter ones do not. */
const MOST_FRAMES = 40;

/** Handshakes of which the last word is an alert, or a hang-up. */
const FAILING_HANDSHAKES = /unknown CA|missing|stranger|no common/;

/** A TLS dialogue of real programs on a connection; one that completes gets a request, its answer and FINs. */
function recordedTls(name: string, lines: readonly string[]): Exchange {
  const conversation = new Conversation({ serverPort: 8_443 }).open();
  const isGood = !FAILING_HANDSHAKES.test(name);
  let ended = '';
  for (const line of lines) {
    const fromClient = line.startsWith('>');
    const what = line.slice(2);
    if (what === 'FIN') conversation.fin(fromClient);
    else if (what === 'RST') conversation.rst(fromClient);
    else if (fromClient) conversation.ask(Buffer.from(what, 'hex'));
    else conversation.answer(Buffer.from(what, 'hex'));
    if (/^[FR]/.test(what)) ended += line;
  }
  if (ended === '' && isGood) conversation.ask(protectedRecords(300)).answer(protectedRecords(3_000));
  if (!/RST/.test(ended)) {
    if (!ended.includes('> FIN')) conversation.fin(true);
    if (!ended.includes('< FIN')) conversation.fin(false);
  }
  return conversation.exchange(`recorded ${name}`, isGood);
}

/** A connection of the generator that measurements use. */
function generated(contentName: string, seed: number, ipVersion: 4 | 6): Exchange {
  const random = new Random(seed);
  const content = CONTENTS[contentName];
  if (content === undefined) throw new Error(`Cannot make ${contentName}`);
  const [serverPort = 80] = content.serverPorts;
  const messages = content
    .conversation(random)
    .slice(0, 8)
    .map(({ fromClient, bytes }) => ({ fromClient, bytes }));
  const frames: Captured[] = [];
  let ipId = 1;
  for (const { timeUs, segment } of connectionSegments(1_700_000_000e6, messages, 'fin', random)) {
    const { fromClient, payload = new Uint8Array(0), payloadStart = 0, payloadEnd = payload.length } = segment;
    const isSyn = (segment.flags & SYN) !== 0;
    frames.push(
      segmentFrame({
        timeUs,
        ipVersion,
        source: fromClient ? 1 : 2,
        destination: fromClient ? 2 : 1,
        sourcePort: fromClient ? 40_000 : serverPort,
        destinationPort: fromClient ? serverPort : 40_000,
        sequence: segment.sequence,
        acknowledgment: segment.acknowledgment,
        flags: segment.flags,
        window: isSyn ? 64_240 : 502,
        options: isSyn ? Buffer.from('020405b401030307', 'hex') : new Uint8Array(0),
        payload: payload.subarray(payloadStart, payloadEnd),
        ipId: ipId++,
        hopLimit: 64,
      }),
    );
  }
  return { name: `generated ${contentName} ${seed}`, isGood: true, frames };
}

/** Exchanges in which nothing is wrong. */
export function goodExchanges(): Exchange[] {
  return [
    ...Object.entries(recordedHandshakes)
      .filter(([name]) => !FAILING_HANDSHAKES.test(name))
      .map(([name, lines]) => recordedTls(name, lines)),
    ...Array.from({ length: 12 }, (_, seed) =>
      ['http', 'plain', 'tls'].map((name) => generated(name, seed + 1, seed % 2 === 0 ? 6 : 4)),
    )
      .flat()
      .filter(({ frames }) => frames.length <= MOST_FRAMES),
    http().ask(GET).answer(OK).ask(GET).answer(BIG).close().exchange('http keep-alive, client closes', true),
    http().ask(GET).answer(OK).wait(5_000).close(false).exchange('http idle, server closes', true),
    http().ask(GET).answer(CHUNKED).close(false).exchange('http chunked', true),
    http().ask(`${GET}${GET}`).answer(`${OK}${OK}`).close().exchange('http pipelined', true),
    http().ask(GET).fin(true).answer(BIG).fin(false).ack(true).exchange('http half-close', true),
    http().ask(GET).answer('HTTP/1.0 200 OK\r\n\r\nuntil close').close(false).exchange('http until close', true),
    plain().ask('ship it'.repeat(900)).ask('more'.repeat(700)).close().exchange('one-way upload', true),
    plain().answer('220 hello\r\n').ask('QUIT\r\n').answer('221 bye\r\n').close(false).exchange('server first', true),
    plain().close().exchange('opened and closed', true),
    plain()
      .ask('a')
      .answer('b')
      .wait(60_000)
      .ack(true, { sequence: -1 })
      .ack(false)
      .wait(60_000)
      .ack(true, { sequence: -1 })
      .ack(false)
      .ask('c')
      .answer('d')
      .close()
      .exchange('keep-alive probes', true),
    new Conversation({ serverPort: 5_432 })
      .open()
      .ask(SSL_REQUEST)
      .answer('N')
      .ask('startup and password')
      .answer('ready')
      .close()
      .exchange('postgres without TLS', true),
  ];
}

/** Exchanges in which something is wrong. */
export function failingExchanges(): Exchange[] {
  return [
    ...Object.entries(recordedHandshakes)
      .filter(([name]) => FAILING_HANDSHAKES.test(name))
      .map(([name, lines]) => recordedTls(name, lines)),
    ...alerts(),
    new Conversation({ serverPort: 81 }).syn().rst(false).exchange('refused', false),
    new Conversation({ serverPort: 81 })
      .syn()
      .again(true, { afterMs: 1_000 })
      .again(true, { afterMs: 2_000 })
      .again(true, { afterMs: 4_000 })
      .exchange('SYN unanswered', false),
    new Conversation({ serverPort: 81 })
      .syn()
      .synAck()
      .again(false, { afterMs: 1_000 })
      .again(false, { afterMs: 2_000 })
      .exchange('SYN-ACK unanswered', false),
    plain().rst(true).exchange('reset unused by client', false),
    plain().ask('what').rst(false).exchange('reset unanswered by server', false),
    plain().ask('what').answer('this'.repeat(900)).ask('and').rst(false).exchange('reset aborted by server', false),
    plain().ask('what').answer('this').rst(true).exchange('reset after answer', false),
    plain().ask('what').answer('this').rst(false, { hopLimit: 61 }).exchange('reset by a middlebox', false),
    plain().ask('a').answer('b').wait(350_000).ask('c').rst(false).exchange('reset after an idle limit', false),
    http().ask(GET).wait(5_000).fin(true).fin(false).ack(true).exchange('http unanswered, client gives up', false),
    http().ask(GET).wait(5_000).rst(true).exchange('http unanswered, client resets', false),
    http().ask(GET).wait(5_000).fin(true).wait(700).answer(OK).rst(true).exchange('http answered too late', false),
    http().ask(GET).fin(false).fin(true).ack(false).exchange('http closed without answer', false),
    http().ask(GET).answer(CUT).fin(false).fin(true).ack(false).exchange('http cut short', false),
    http().ask(GET).answer(CUT).rst(false).exchange('http cut short by a reset', false),
    http().ask(GET).answer(CHUNKED_CUT).fin(false).fin(true).ack(false).exchange('http chunks cut short', false),
    http()
      .ask(GET)
      .answer(OK)
      .wait(5_000)
      .fin(false)
      .send(true, ACK | PSH, GET, { acknowledgment: -1 })
      .rst(false)
      .exchange('http keep-alive race', false),
    http().ask(GET).wait(800_000).exchange('http unanswered, nobody closes', false),
    http().ask(GET).answer(OK).fin(false).ack(true).wait(700_000).exchange('client does not close', false),
    plain().ask('what').fin(true).send(true, ACK, '', { afterMs: 2_000 }).exchange('peer gone', false),
    closedWindow(),
    plain()
      .ask('a')
      .answer('b')
      .wait(60_000)
      .ack(true, { sequence: -1 })
      .ack(true, { sequence: -1, afterMs: 10_000 })
      .ack(true, { sequence: -1, afterMs: 10_000 })
      .rst(true, { afterMs: 10_000 })
      .exchange('keep-alives unanswered', false),
    new Conversation({ serverPort: 5_432 })
      .open()
      .ask(SSL_REQUEST)
      .answer('N')
      .close()
      .exchange('postgres declined', false),
    new Conversation({ serverPort: 8_443 }).open().ask(HELLO).fin(false).fin(true).exchange('hello refused', false),
    new Conversation({ serverPort: 8_443 })
      .open()
      .ask(HELLO)
      .answer('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
      .close(false)
      .exchange('TLS to a plain port', false),
    foreignSynAck(),
    foreignAnswers(),
    icmp('ICMP port unreachable', 3, 3, 0),
    icmp('ICMP prohibited', 3, 13, 0),
    icmp('ICMP host unreachable', 3, 1, 0),
    fragmentationNeeded(),
    blackHole(),
    outsideReset(),
    twoOfMany(),
  ];
}

/** A fatal alert in clear by either side, where it can come. */
function alerts(): Exchange[] {
  const clear = (description: number) => Buffer.from(alert(2, description), 'hex');
  const byServer = [20, 40, 47, 70, 80, 112, 120].map((description) =>
    new Conversation({ serverPort: 8_443 })
      .open()
      .ask(HELLO)
      .answer(clear(description))
      .close(false)
      .exchange(`alert ${description} by server`, false),
  );
  const flight = (recordedHandshakes['TLS 1.2 unknown CA'] ?? []).slice(0, 2).map((line) => line.slice(2));
  const [hello = '', answer = ''] = flight;
  const byClient = [42, 45, 46, 48, 51].map((description) =>
    new Conversation({ serverPort: 8_443 })
      .open()
      .ask(Buffer.from(hello, 'hex'))
      .answer(Buffer.from(answer, 'hex'))
      .ask(clear(description))
      .close(true)
      .exchange(`alert ${description} by client`, false),
  );
  return [...byServer, ...byClient];
}

/** The SYN-ACK comes from the address behind a Service. */
function foreignSynAck(): Exchange {
  const conversation = new Conversation({ serverPort: 80 }).syn();
  for (const afterMs of [1, 1_000, 2_000]) {
    conversation
      .send(false, SYN | ACK, '', { from: 3, afterMs: 1 })
      .send(true, RST, '', { from: 3, afterMs: 0.1 })
      .again(true, { afterMs });
  }
  return conversation.exchange('SYN-ACK from a stranger', false);
}

/** In the middle of a connection the answers come from the backend's own address. */
function foreignAnswers(): Exchange {
  const conversation = http().ask(GET).answer(OK).ask(GET);
  for (let n = 0; n < 3; n++) {
    conversation.send(false, ACK | PSH, OK, { from: 3, afterMs: 300 }).send(true, RST, '', { from: 3, afterMs: 0.1 });
  }
  return conversation.exchange('answers from a stranger', false);
}

function icmp(name: string, type: number, code: number, mtu: number): Exchange {
  const conversation = new Conversation({ serverPort: 80 }).syn();
  const [syn] = conversation.frames;
  if (syn === undefined) throw new Error('Cannot quote: no SYN');
  const first = icmpError(conversation.timeUs + 500, type, code, mtu, syn);
  const [, again] = conversation.again(true, { afterMs: 1_000 }).frames;
  const second = icmpError(conversation.timeUs + 500, type, code, mtu, again ?? syn);
  return { name, isGood: false, frames: [syn, first, again ?? syn, second] };
}

function fragmentationNeeded(): Exchange {
  const conversation = plain().ask('hello').answer('world');
  const begin = [...conversation.frames];
  const frames = [...begin];
  for (let n = 0; n < 4; n++) {
    conversation.send(true, ACK | PSH, 'x'.repeat(1_400), { afterMs: 300 });
    const sent = conversation.frames.at(-1);
    if (sent === undefined) continue;
    const first = frames[begin.length];
    const same = first === undefined ? sent : withIpId({ ...first, timeUs: sent.timeUs }, 9_000 + n);
    frames.push(same, icmpError(sent.timeUs + 200, 3, 4, 1_200, same));
  }
  return { name: 'fragmentation needed, and ignored', isGood: false, frames };
}

/** A large segment is sent again and again, small ones came through. */
function blackHole(): Exchange {
  const conversation = plain()
    .ask('hello')
    .answer('world')
    .send(true, ACK | PSH, 'x'.repeat(1_400));
  const large = conversation.frames.at(-1);
  const frames = [...conversation.frames];
  if (large === undefined) throw new Error('Cannot repeat: nothing was sent');
  for (const [n, ms] of [200, 600, 1_400, 3_000, 6_200].entries()) {
    frames.push(withIpId({ ...large, timeUs: large.timeUs + ms * 1_000 }, 8_000 + n));
  }
  return { name: 'black hole', isGood: false, frames };
}

/** A RST outside the window, which its receiver ignores. */
function outsideReset(): Exchange {
  return http()
    .ask(GET)
    .send(false, RST, '', { sequence: 900_000_000 })
    .answer(OK)
    .close()
    .exchange('RST outside the window', true);
}

/** A window that stays closed, and is probed (RFC 9293 §3.8.6.1). */
function closedWindow(): Exchange {
  const conversation = plain().ask('what').answer('go on').ask('more'.repeat(200)).ack(false, { window: 0 });
  for (let ms = 200; ms < 400_000; ms *= 2) {
    conversation.ack(true, { afterMs: ms, sequence: -1 }).ack(false, { window: 0 });
  }
  return conversation.exchange('window closed', false);
}

/** Two connections of three to one server are refused. */
function twoOfMany(): Exchange {
  const refused = (clientPort: number, beginMs: number) =>
    new Conversation({ serverPort: 8_080, clientPort, beginMs }).syn().rst(false).frames;
  const frames = [...refused(40_001, 1_000), ...http().ask(GET).answer(OK).close().frames, ...refused(40_002, 2_000)];
  frames.sort((a, b) => a.timeUs - b.timeUs);
  return { name: 'two of three refused', isGood: false, frames };
}
