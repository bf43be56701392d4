import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BodyKind, isStatusLine, MessageHead, readMessageHead } from '../../../src/protocols/http/message-head.ts';

const test = suite('heads of HTTP/1 messages');

const PADDING = 'HTTP/1.1 ';
const KINDS = Object.keys(BodyKind) as (keyof typeof BodyKind)[];

/** Reads a head that lies in the middle of a larger memory; offsets are those in `text`. */
function read(text: string): Omit<MessageHead, 'kind'> & { kind: string } {
  const head = new MessageHead();
  const bytes = Buffer.from(`${PADDING}${text}\r\n\r\n`, 'latin1');
  readMessageHead(bytes, PADDING.length, PADDING.length + text.length, text.startsWith('HTTP'), head);
  return { ...head, end: head.end - PADDING.length, kind: KINDS[head.kind] ?? '' };
}

const bodies: readonly { readonly head: string; readonly kind: keyof typeof BodyKind; readonly bodyBytes?: number }[] =
  [
    { head: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n', kind: 'length', bodyBytes: 12 },
    { head: 'POST / HTTP/1.1\r\ncontent-LENGTH:\t 0 \r\n\r\n', kind: 'length', bodyBytes: 0 },
    { head: 'POST / HTTP/1.1\nContent-Length: 7\n\n', kind: 'length', bodyBytes: 7 },
    { head: 'POST / HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n', kind: 'chunked' },
    { head: 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n', kind: 'chunked' },
    { head: 'DELETE / HTTP/1.1\r\nHost: a\r\n\r\n', kind: 'none' },
    { head: 'POST / HTTP/1.1\r\nX-Content-Length: 12\r\n\r\n', kind: 'none' },
    { head: 'POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n', kind: 'unknown' },
    { head: 'POST / HTTP/1.1\r\nContent-Length: 1e3\r\n\r\n', kind: 'unknown' },
    { head: 'POST / HTTP/1.1\r\nContent-Length: \r\n\r\n', kind: 'unknown' },
    { head: 'POST / HTTP/1.1\r\nContent-Length: 2147483647\r\n\r\n', kind: 'length', bodyBytes: 2_147_483_647 },
    { head: 'POST / HTTP/1.1\r\nContent-Length: 2147483648\r\n\r\n', kind: 'unknown' },
    { head: `POST / HTTP/1.1\r\nContent-Length: ${'9'.repeat(400)}\r\n\r\n`, kind: 'unknown' },
    { head: 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n', kind: 'length', bodyBytes: 3 },
    { head: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', kind: 'chunked' },
    { head: 'HTTP/1.0 200 OK\r\n\r\n', kind: 'untilClose' },
    { head: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n', kind: 'untilClose' },
    { head: 'HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n', kind: 'none' },
    { head: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 300\r\n\r\n', kind: 'none' },
    { head: 'HTTP/1.1 100 Continue\r\n\r\n', kind: 'none' },
  ];
for (const { head, kind, bodyBytes = 0 } of bodies) {
  test(JSON.stringify(head.slice(0, 70)), () => {
    const found = read(head);
    assert.is(found.kind, kind);
    if (kind === 'unknown') return;
    assert.is(found.bodyBytes, bodyBytes);
    assert.is(found.end, head.length);
  });
}

test('a head that is not there to its last byte', () => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n';
  for (let length = 12; length < head.length; length++) {
    assert.is(read(head.slice(0, length)).kind, 'unknown', `${length} bytes`);
  }
});

test('the body is not read', () => {
  const found = read('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nContent-Length: 9\r\n\r\n');
  assert.is(found.bodyBytes, 3);
  assert.is(found.end, 38);
});

test('status and method', () => {
  assert.is(read('HTTP/1.1 503 Service Unavailable\r\n\r\n').status, 503);
  assert.is(read('POST / HTTP/1.1\r\n\r\n').status, 0);
  assert.is(read('HEAD / HTTP/1.1\r\n\r\n').isHead, true);
  assert.is(read('HEADER / HTTP/1.1\r\n\r\n').isHead, false);
  assert.is(read('CONNECT a:443 HTTP/1.1\r\n\r\n').isConnect, true);
  assert.is(read('HTTP/1.1 200 OK\r\n\r\n').isConnect, false);
});

test('one object serves all: nothing is left of the head before', () => {
  const head = new MessageHead();
  const fill = (text: string) => {
    const bytes = Buffer.from(text, 'latin1');
    readMessageHead(bytes, 0, bytes.length, text.startsWith('HTTP'), head);
  };
  fill('CONNECT a HTTP/1.1\r\nContent-Length: 9\r\n\r\n');
  fill('HTTP/1.1 200 OK\r\n\r\n');
  assert.equal({ ...head }, { status: 200, kind: 4, bodyBytes: 0, end: 19, isHead: false, isConnect: false });
  fill('POST / HTTP/1.1\r\n');
  assert.is(head.kind, BodyKind.unknown);
});

test('status lines', () => {
  const isStatus = (text: string) => isStatusLine(Buffer.from(text, 'latin1'), 0, text.length);
  assert.is(isStatus('HTTP/1.1 200 OK'), true);
  assert.is(isStatus('HTTP/1.0 404'), true);
  assert.is(isStatus('HTTP/1.1 20'), false, 'too short');
  assert.is(isStatus('HTTP/2.0 200 OK'), false);
  assert.is(isStatus('HTTP/1.10 200 OK'), false);
  assert.is(isStatus('GET / HTTP/1.1'), false);
});

test.run();
