import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

/** Bounds in the table of docs/ARCHITECTURE.md: the row, how it says the number, and the constants of the code it comes from. */
const BOUNDS: readonly (readonly [row: string, said: string, file: string, declared: string])[] = [
  ['DNS questions that are open', '8,192', 'track/dns-table.ts', 'CAPACITY = 8_192'],
  ['packets of DNS questions for pcaps', '2 KB a question, of 2,048', 'history/dns-packets.ts', 'BLOCK_BYTES = 2048'],
  [
    'names whose DNS trouble is counted, for throttle and value',
    '10,000',
    'detect/dns-counters.ts',
    'MOST_NAMES = 10_000',
  ],
  ['names answered lately', '4,096', 'track/recent-answers.ts', 'PLACES = 4096'],
  ['DNS over TCP being read', '1,000 connections', 'track/dns-conversations.ts', 'MOST_CONNECTIONS = 1_000'],
  ['strangers (00023)', '1,024', 'track/foreign-packets.ts', 'MOST_STRANGERS = 1024'],
  ['sources named by PROXY protocol', '10,000', 'pipeline/emitter.ts', 'MOST_PROXIED = 10_000'],
  ['servers that answered lately', '4,096', 'detect/known-servers.ts', 'PLACES = 4096'],
  ['conversations being read', '8,000', 'track/conversations.ts', 'MOST_CONVERSATIONS = 8_000'],
  [
    'TLS handshake messages in pieces',
    '64 KB a side',
    'protocols/tls/handshake-reader.ts',
    'MAX_MESSAGE_BYTES = 64 * 1024',
  ],
  [
    'TLS handshake messages in pieces',
    '32 MB in all',
    'track/conversations.ts',
    'MESSAGE_BUDGET_BYTES = 32 * 1024 * 1024',
  ],
  ['bytes that came too early', '256 KB a side', 'protocols/stream/in-order-stream.ts', 'MAX_HELD_BYTES = 256 * 1024'],
  ['bytes that came too early', '32 MB in all', 'track/conversations.ts', 'STREAM_BUDGET_BYTES = 32 * 1024 * 1024'],
  ['dumps', '256 at once, 16 a second', 'pipeline/dump-rate.ts', 'FOR_ALL = { burst: 256, perSecond: 16 }'],
  [
    'events of a kind (ADR 0014)',
    'ten times that',
    'detect/flood-gate.ts',
    'FOR_ALL: Allowance = { burst: 10_000, perSecond: 1000 }',
  ],
  ['reset counters', '10,000 peers', 'detect/reset-counters.ts', 'MOST_PEERS = 10_000'],
  ['live pages', '10,000 connections', 'model/page-messages.ts', 'MOST_PAGE_CONNECTIONS = 10_000'],
  ['live pages', '5,000 events', 'model/page-messages.ts', 'MOST_PAGE_EVENTS = 5_000'],
  ['clients without a whole request', '128', 'serve/client-places.ts', 'mostWaiting: 128'],
  ['answers but those to probes', '32', 'serve/client-places.ts', 'mostAnswers: 32'],
  ['events waiting for their process', '1,024', 'attribution/waiting-events.ts', 'MAX_EVENTS = 1024'],
  ['events waiting for their process', '50 ms', 'attribution/waiting-events.ts', 'EVENT_WAIT_MS = 50'],
  ['processes and sockets remembered', '4,096', 'process/process-facts.ts', 'MAX_REMEMBERED = 4096'],
];

const table = readFileSync('docs/ARCHITECTURE.md', 'utf8');

for (const [row, said, file, declared] of BOUNDS) {
  test(`${row}: ${said}`, () => {
    const line = table.split('\n').find((text) => text.startsWith(`| ${row} |`));
    assert.match(line ?? 'no such row', said);
    assert.match(readFileSync(`src/${file}`, 'utf8'), declared);
  });
}

test.run();
