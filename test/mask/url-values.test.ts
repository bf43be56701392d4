import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { maskedRequestLine, maskedUrls } from '../../src/mask/url-values.ts';

const test = suite('mask/url-values');

for (const [line, masked] of [
  ['GET / HTTP/1.1', 'GET / HTTP/1.1'],
  ['GET /login?token=a1&password=b%202 HTTP/1.1', 'GET /login?token=***&password=*** HTTP/1.1'],
  ['GET /?token=a b?c=d HTTP/1.1', 'GET /?token=*** HTTP/1.1'],
  ['GET /?token=a\u2028b\rc HTTP/1.1', 'GET /?token=*** HTTP/1.1'],
  ['GET /?secret HTTP/2', 'GET /?*** HTTP/2'],
  ['GET /?a=1;b=2&&c= HTTP/1.1', 'GET /?a=***;b=***&&c=*** HTTP/1.1'],
  ['GET /?token=cut off he', 'GET /?token=***'],
  ['GET /shop;jsessionid=4711/cart?x HTTP/1.1', 'GET /shop;jsessionid=***/cart?*** HTTP/1.1'],
  ['GET http://me:pw@example.com/a?b=c HTTP/1.1', 'GET http://***@example.com/a?b=*** HTTP/1.1'],
  ['GET /? HTTP/1.1', 'GET /? HTTP/1.1'],
] as const) {
  test(`request line: ${line}`, () => assert.is(maskedRequestLine(line), masked));
}

for (const [line, masked] of [
  ['X-Pepe: 42', 'X-Pepe: 42'],
  ['Accept: text/html;q=0.9', 'Accept: text/html;q=0.9'],
  ['Referer: https://a:b@c/?token=d&e=f', 'Referer: https://***@c/?token=***&e=***'],
  ['Link: <https://a/?b=c>; rel="x?y=z"', 'Link: <https://a/?b=***>; rel="x?y=***"'],
] as const) {
  test(`header line: ${line}`, () => assert.is(maskedUrls(line), masked));
}

test.run();
