import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Direction } from '../../src/model/frame.ts';
import { Packet, TcpFlag } from '../../src/model/packet.ts';
import { HttpSearch } from '../../src/protocols/http/http-search.ts';
import { ConnectionTable } from '../../src/track/connection-table.ts';
import { Conversations } from '../../src/track/conversations.ts';
import { TrackedConnection } from '../../src/track/tracked-connection.ts';
import { Tracker } from '../../src/track/tracker.ts';
import { clientHello, record } from '../tools/tls-bytes.ts';

const HELLO = Buffer.from(record(22, clientHello({ name: 'shop.example' })), 'hex');
const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n');
/** A fatal handshake_failure in clear (RFC 8446 §6). */
const ALERT = Buffer.from('15030300020228', 'hex');
const { syn: SYN, ack: ACK } = TcpFlag;

/** From the client, offset in its stream, bytes; or that reading pauses, or goes on. */
type Said = readonly [boolean, number, Uint8Array] | 'pause' | 'go on';

/** Sends payloads after a handshake; says what was read. */
function read(payloads: readonly Said[]): string[] {
  const said: string[] = [];
  const table = new ConnectionTable(8, 1);
  const conversations = new Conversations(new TrackedConnection(table), {
    search: new HttpSearch('', ''),
    listener: {
      tlsSignal: (_, signal) =>
        said.push(signal.kind === 'alert' && signal.plainTextClient ? 'alert to plain text' : signal.kind),
      httpMatch: () => undefined,
      proxied: () => undefined,
    },
  });
  const ignore = () => undefined;
  const tracker = new Tracker(
    table,
    { halfOpenSeconds: 30, staleSeconds: 180, stale2Seconds: 600 },
    {
      began: ignore,
      established: ignore,
      halfClosed: ignore,
      unanswered: ignore,
      icmpError: ignore,
      pathMtu: ignore,
      resent: () => undefined,
      zeroWindow: () => undefined,
      answered: () => undefined,
      foreignPacket: ignore,
      synRepeated: ignore,
      halfOpen: ignore,
      stale: ignore,
      stale2: ignore,
      reset: ignore,
      ended: ignore,
      forgotten: ignore,
    },
    conversations,
  );
  const addresses = new DataView(Uint8Array.of(10, 0, 0, 1, 10, 0, 0, 2, 64).buffer);
  const send = (fromClient: boolean, flags: number, sequence: number, acknowledgment: number, payload: Uint8Array) => {
    const packet = new Packet();
    Object.assign(packet, { view: addresses, timeUs: 1e15, flags, sequence, acknowledgment, window: 65_535 });
    packet.sourceAddress = fromClient ? 0 : 4;
    packet.destinationAddress = fromClient ? 4 : 0;
    packet.sourcePort = fromClient ? 40_000 : 443;
    packet.destinationPort = fromClient ? 443 : 40_000;
    packet.bytes = payload;
    packet.payloadCapturedBytes = payload.length;
    packet.payloadLengthBytes = payload.length;
    tracker.prefetch([packet], 1);
    tracker.segment(packet, Direction.unknown);
  };
  const nothing = new Uint8Array(0);
  send(true, SYN, 99, 0, nothing);
  send(false, SYN | ACK, 499, 100, nothing);
  send(true, ACK, 100, 500, nothing);
  for (const step of payloads) {
    if (typeof step === 'string') {
      conversations.isPaused = step === 'pause';
      continue;
    }
    const [fromClient, offset, bytes] = step;
    send(fromClient, ACK, (fromClient ? 100 : 500) + offset, fromClient ? 500 : 100, bytes);
  }
  return said;
}

test('a hello in order', () => {
  assert.equal(
    read([
      [true, 0, HELLO],
      [false, 0, ALERT],
    ]),
    ['alert'],
  );
});

test('a hello whose second half overtook the first', () => {
  const half = HELLO.indexOf('shop.example'); // text: by itself it looks like something else
  assert.equal(
    read([
      [true, half, HELLO.subarray(half)],
      [true, 0, HELLO.subarray(0, half)],
      [false, 0, ALERT],
    ]),
    ['alert'],
  );
});

test('a TLS port that answers plain HTTP with an alert', () => {
  assert.equal(
    read([
      [true, 0, REQUEST],
      [false, 0, ALERT],
    ]),
    ['alert to plain text'],
  );
});

test('plain HTTP', () => {
  assert.equal(
    read([
      [true, 0, REQUEST],
      [false, 0, Buffer.from('HTTP/1.1 200 OK\r\n\r\n')],
    ]),
    [],
  );
});

test('a pause: what is being read, or would be, is not read any more', () => {
  const half = HELLO.length >> 1;
  assert.equal(
    read([[true, 0, HELLO.subarray(0, half)], 'pause', 'go on', [true, half, HELLO.subarray(half)], [false, 0, ALERT]]),
    [],
  );
  assert.equal(read(['pause', [true, 0, HELLO], 'go on', [false, 0, ALERT]]), []);
  assert.equal(read(['pause', 'go on', [true, 0, HELLO], [false, 0, ALERT]]), ['alert']);
});

test.run();
