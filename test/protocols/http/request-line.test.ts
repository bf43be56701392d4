import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { looksLikeHttp } from '../../../src/protocols/http/request-line.ts';

const test = suite('protocols/http/request-line');

const HTTP = [
  'GET / HTTP/1.1\r\nHost: a\r\n',
  'GET / HTTP/1.0\n',
  'M-SEARCH * HTTP/1.1\r\n',
  'propfind /a HTTP/1.1\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'CONNECT shop.example:443 HTTP/1.1\r\n',
  'GET http://shop.example/a HTTP/1.1\r\n',
  `GET /${'a'.repeat(2000)}`,
  'GET /',
];
const OTHER = [
  '',
  'G',
  'GET ',
  'GET  / HTTP/1.1\r\n',
  'GET /\r\n',
  ' GET / HTTP/1.1\r\n',
  '\x16\x03\x01\x02\x00\x01\x00',
  '\0\0\0\x08\x04\xd2\x16\x2f',
  'SSH-2.0-OpenSSH_9.6\r\n',
  'EHLO shop.example\r\n',
  '*1\r\n$4\r\nPING\r\n',
  'ping me\r\n',
  `${'A'.repeat(40)} / HTTP/1.1\r\n`,
  '{"a": 1}',
];

for (const text of HTTP) {
  test(`looks like HTTP: ${text.slice(0, 40)}`, () => {
    const bytes = Buffer.from(`xx${text}yy`, 'latin1');
    assert.ok(looksLikeHttp(bytes, 2, bytes.length - 2));
  });
}

for (const text of OTHER) {
  test(`does not: ${JSON.stringify(text.slice(0, 40))}`, () => {
    const bytes = Buffer.from(`GG${text} / HTTP/1.1\r\n`, 'latin1');
    assert.not(looksLikeHttp(bytes, 2, 2 + text.length));
  });
}

test.run();
