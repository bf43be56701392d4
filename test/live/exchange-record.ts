/**
 * Records exchanges between real programs as data for the tests of `test/truth`; needs root. Run after a build:
 * `node build/test/live/exchange-record.js > test/truth/recorded-exchanges.ts`
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Namespace } from '../lab/namespace.ts';
import { factsOf } from '../truth/captured.ts';
import { linesOf } from '../truth/exchange-text.ts';
import { framesOf } from '../truth/pcap-frames.ts';
import { makeCertificates } from './certificates.ts';
import { FAILING_PEERS, GOOD_PEERS } from './exchange-peers.ts';
import { captureLoopback } from './loopback-capture.ts';

const PEERS = fileURLToPath(new URL('./exchange-peers.js', import.meta.url));
const FIRST_PORT = 21_000;
/** A server without privileges may be asked for data in the SYN, with no cookie (ip-sysctl: tcp_fastopen). */
const FAST_OPEN_WITHOUT_COOKIE = 0x207;

const directory = mkdtempSync(join(tmpdir(), 'exchanges-'));
const namespace = new Namespace('exchange');
let port = FIRST_PORT;

async function record(name: string): Promise<string[]> {
  const own = port++;
  const pcap = join(directory, `${own}.pcap`);
  await captureLoopback(namespace, pcap, `tcp port ${own}`, ['-B', '65536'], async () => {
    const peers = namespace.spawn([process.execPath, PEERS, name, String(own)], { cwd: directory });
    const { status } = await peers.ended;
    if (status !== 0) throw new Error(`Cannot record "${name}": ${peers.stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  });
  const isOwn = (endpoints: string) => endpoints.split(' ').some((one) => one.endsWith(`:${own}`));
  return linesOf((await framesOf(pcap)).filter((frame) => isOwn(factsOf(frame).connection)));
}

async function recordAll(title: string, names: readonly string[]): Promise<void> {
  console.log(`\nexport const ${title}: Readonly<Record<string, readonly string[]>> = {`);
  for (const name of names) {
    console.log(`  '${name}': [`);
    for (const line of await record(name)) console.log(`    '${line}',`);
    console.log('  ],');
  }
  console.log('};');
}

try {
  makeCertificates(directory);
  namespace.run('ip', 'link', 'set', 'lo', 'mtu', '1500');
  namespace.run('ethtool', '-K', 'lo', 'tso', 'off', 'gso', 'off', 'gro', 'off');
  namespace.set('net/ipv4/tcp_fastopen', FAST_OPEN_WITHOUT_COOKIE);
  console.log(
    '/** Exchanges between real programs, made by `test/live/exchange-record.ts`; `exchange-text.ts` reads them. */',
  );
  await recordAll('recordedGood', Object.keys(GOOD_PEERS));
  await recordAll('recordedFailing', Object.keys(FAILING_PEERS));
} finally {
  namespace.remove();
  rmSync(directory, { recursive: true, force: true });
}
