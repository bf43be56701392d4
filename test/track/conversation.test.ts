import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConnectionType, Side } from '../../src/model/connection.ts';
import { Packet, TcpFlag } from '../../src/model/packet.ts';
import { HttpSearch } from '../../src/protocols/http/http-search.ts';
import { StreamBudget } from '../../src/protocols/stream/stream-budget.ts';
import { CertificateCache } from '../../src/protocols/tls/certificate.ts';
import { Conversation } from '../../src/track/conversation.ts';
import { recordedHandshakes } from '../protocols/tls/recorded-handshakes.ts';
import { clientHello, record } from '../tools/tls-bytes.ts';

const httpSink = { http() {}, match() {}, notHttp() {}, done() {} };

/** A conversation whose sides begin with sequence number 0, and how to feed it. */
function converse(search: string) {
  const messageBudget = new StreamBudget(1 << 20);
  const conversation = new Conversation(1, false, {
    search: new HttpSearch(search, ''),
    httpSink,
    certificates: new CertificateCache(),
    streamBudget: new StreamBudget(1 << 20),
    messageBudget,
  });
  const next: [number, number] = [0, 0];
  for (const side of [Side.initiator, Side.responder]) conversation.begin(side, 0);
  const say = (side: Side, digits: string) => {
    const packet = new Packet();
    packet.bytes = Buffer.from(digits, 'hex');
    packet.payloadStart = 0;
    packet.payloadCapturedBytes = packet.bytes.length;
    packet.payloadLengthBytes = packet.bytes.length;
    packet.sequence = next[side];
    packet.acknowledgment = next[1 - side];
    packet.flags = TcpFlag.ack;
    packet.timeUs = 1;
    next[side] += packet.bytes.length;
    conversation.packet(side, packet);
  };
  return { conversation, messageBudget, say };
}

for (const search of ['', 'X-Pepe']) {
  test(`TLS is read to the end of its handshake${search && ', also when a header is searched'}`, () => {
    const { conversation, messageBudget, say } = converse(search);
    for (const line of recordedHandshakes['TLS 1.3 TLS_AES_128_GCM_SHA256'] ?? []) {
      const [direction, digits = ''] = line.split(' ');
      if (/^[0-9a-f]+$/.test(digits)) say(direction === '>' ? Side.initiator : Side.responder, digits);
    }
    assert.is(conversation.connectionType, ConnectionType.tls);
    assert.is(conversation.tls.takeSignals().length, 1);
    assert.not(conversation.wantsBytes);
    assert.is(messageBudget.usedBytes, 0);
  });
}

test('what is held of a message that never becomes whole is given back', () => {
  const { conversation, messageBudget, say } = converse('');
  say(Side.initiator, record(22, clientHello({ name: 'shop.example' })).slice(0, -8));
  assert.ok(messageBudget.usedBytes > 0);
  conversation.release();
  assert.is(messageBudget.usedBytes, 0);
});

test.run();
