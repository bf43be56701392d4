import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tlsAbandoned } from '../../src/detect/tls-abandoned.ts';
import { TcpFlag } from '../../src/model/packet.ts';
import { TlsSession } from '../../src/protocols/tls/tls-session.ts';
import type { TrackedConnection } from '../../src/track/tracked-connection.ts';
import { recordedHandshakes } from '../protocols/tls/recorded-handshakes.ts';
import { Conversation } from '../truth/conversation.ts';
import { eventsOf, told } from './told.ts';

const test = suite('abandoned handshakes of TLS');

const { ack: ACK } = TcpFlag;

const [hello = '', answer = ''] = (recordedHandshakes['TLS 1.2 unknown CA'] ?? []).map((line) => line.slice(2));
const begun = () => new Conversation({ serverPort: 8_443 }).open().ask(Buffer.from(hello, 'hex'));
const answered = () => begun().answer(Buffer.from(answer, 'hex'));

test('the client closes after the certificate', () => {
  const [event, ...more] = eventsOf(answered().close(), 1);
  assert.equal(more, []);
  assert.is(event?.name, 'NO_ANSWER');
  assert.is(event?.causeId, 'answer.handshake-abandoned');
  assert.is(event?.value, 0);
  assert.is(event?.by, 0);
  assert.match(event?.cause ?? '', /does not accept the server's certificate \(`.+`/);
  assert.ok(event?.tls !== undefined);
});

test('the server closes: that is no abandoning', () => {
  assert.not.match(told(answered().close(false), 1), /abandoned/);
});

test('before the server has spoken, it is an answer that does not come', () => {
  assert.not.match(told(begun().wait(3_000).close(), 1), /abandoned/);
});

test('not told where bytes are missing', () => {
  const flight = begun().send(false, ACK, Buffer.from(answer, 'hex'), { isUnseen: true }).ack(true).close();
  assert.not.match(told(flight, 1), /abandoned/);
  const mayBeAlert = answered().send(true, ACK, Buffer.alloc(7), { isUnseen: true }).close();
  assert.not.match(told(mayBeAlert, 1), /abandoned/);
});

for (const doubtful of ['lossMeanwhile', 'hasGap', 'oneWay'] as const) {
  test(`not told of a connection with ${doubtful}`, () => {
    const connection = { lossMeanwhile: false, hasGap: false, oneWay: false, [doubtful]: true };
    const signal = { kind: 'abandoned', timeUs: 1e6, session: new TlsSession() } as const;
    assert.is(tlsAbandoned(signal, connection as unknown as TrackedConnection), null);
  });
}

test.run();
