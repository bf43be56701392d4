/**
 * Records handshakes of real programs as data for the tests of the reader; needs root. Run after a build:
 * `node build/test/live/tls-record.js > test/protocols/tls/recorded-handshakes.ts`
 */
import { spawnSync } from 'node:child_process';
import { StreamBudget } from '../../src/protocols/stream/stream-budget.ts';
import { CertificateCache } from '../../src/protocols/tls/certificate.ts';
import { type Segment, TlsConnection } from '../protocols/tls/tls-driver.ts';
import { TlsLab } from './tls-lab.ts';
import { failingScenarios, goodScenarios } from './tls-scenarios.ts';

const recorded = [
  'TLS 1.0',
  'TLS 1.2 ECDHE-ECDSA-AES128-CCM',
  'TLS 1.2 session ticket',
  'TLS 1.2 client certificate',
  'TLS 1.3 TLS_AES_128_GCM_SHA256',
  'TLS 1.3 TLS_AES_128_CCM_8_SHA256',
  'TLS 1.3 client certificate',
  'TLS 1.3 client certificate asked for and not sent',
  'TLS 1.3 session ticket',
  'TLS 1.3 early data accepted',
  'TLS 1.3 HelloRetryRequest',
  'TLS 1.2 unknown CA',
  'TLS 1.3 unknown CA',
  'TLS 1.3 client certificate missing',
  'TLS 1.3 client certificate of a stranger',
  'TLS 1.2 no common cipher',
];

/** The last connection among the segments, as far as a reader wants it. */
function dialogue(segments: readonly Segment[]): string[] {
  const syn = segments.findLast(({ flags }) => (flags & 0x12) === 2);
  if (syn === undefined) throw new Error('Cannot find a connection in the capture');
  const connection = new TlsConnection(syn.source, syn.destination, new CertificateCache(), new StreamBudget(1 << 20));
  const lines: string[] = [];
  for (const segment of segments) {
    const side = segment.source === syn.source ? '>' : segment.destination === syn.source ? '<' : '';
    if (side === '' || !connection.reader.wantsBytes) continue;
    if (segment.payload.length > 0) lines.push(`${side} ${Buffer.from(segment.payload).toString('hex')}`);
    if ((segment.flags & 4) !== 0) lines.push(`${side} RST`);
    else if ((segment.flags & 1) !== 0) lines.push(`${side} FIN`);
    connection.segment(segment);
  }
  return lines;
}

const version = spawnSync('openssl', ['version'], { encoding: 'utf8' }).stdout.split(' ').slice(0, 2).join(' ');
console.log(`/** Handshakes between real programs (${version}), made by \`test/live/tls-record.ts\`. */
export const recordedHandshakes: Readonly<Record<string, readonly string[]>> = {`);
const lab = new TlsLab();
try {
  for (const scenario of [...goodScenarios, ...failingScenarios]) {
    if (!recorded.includes(scenario.name)) continue;
    console.log(`  '${scenario.name}': [`);
    for (const line of dialogue(await lab.capture(scenario, 1))) console.log(`    '${line}',`);
    console.log('  ],');
  }
} finally {
  lab.close();
}
console.log('};');
