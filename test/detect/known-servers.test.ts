import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { KnownServers } from '../../src/detect/known-servers.ts';
import { INITIATOR_WORDS, sampleConnection } from '../output/sample-connection.ts';

const test = suite('servers that answered lately');

const SERVER = [0x0a600001, 0, 0, 0];
const OTHER = [0x0a600002, 0, 0, 0];
const to = (words: readonly number[], change = {}) => sampleConnection(change, [INITIATOR_WORDS, words]);

test('by address and port, whoever the client is', () => {
  const servers = new KnownServers();
  servers.note(to(SERVER), 5e6);
  assert.is(servers.answeredAgoUs(to(SERVER, { initiatorPort: 1 }), 7e6), 2e6);
  assert.is(servers.answeredAgoUs(sampleConnection({}, [OTHER, SERVER]), 7e6), 2e6);
  assert.is(servers.answeredAgoUs(to(OTHER), 7e6), Number.POSITIVE_INFINITY);
  assert.is(servers.answeredAgoUs(to(SERVER, { responderPort: 80 }), 7e6), Number.POSITIVE_INFINITY);
});

test('the latest time counts, also when the clock was set back', () => {
  const servers = new KnownServers();
  servers.note(to(SERVER), 5e6);
  servers.note(to(SERVER), 6e6);
  assert.is(servers.answeredAgoUs(to(SERVER), 7e6), 1e6);
  assert.is(servers.answeredAgoUs(to(SERVER), 4e6), 2e6);
});

test('all words of an IPv6 address count', () => {
  const servers = new KnownServers();
  const words = [0x20010db8, 1, 2, 3];
  servers.note(to(words, { ipVersion: 6 }), 5e6);
  assert.is(servers.answeredAgoUs(to(words, { ipVersion: 6 }), 5e6), 0);
  for (const i of [0, 1, 2, 3]) {
    const changed = words.map((word, n) => (n === i ? word + 1 : word));
    assert.is(servers.answeredAgoUs(to(changed, { ipVersion: 6 }), 5e6), Number.POSITIVE_INFINITY);
  }
});

test('more servers than there are places: nobody is taken for another', () => {
  const servers = new KnownServers();
  const server = (n: number) => to([0x0a000000 + n, 0, 0, 0]);
  for (let n = 0; n < 50_000; n++) servers.note(server(n), 1e6 + n);
  let known = 0;
  for (let n = 0; n < 50_000; n++) {
    const ago = servers.answeredAgoUs(server(n), 1e6 + n);
    if (ago === 0) known++;
    else assert.is(ago, Number.POSITIVE_INFINITY, `server ${n}`);
  }
  assert.ok(known > 2_000 && known <= 4_096, `${known} known`);
});

test.run();
