import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AGENT } from '../lab/agent.ts';
import { pcapNames } from '../lab/session-files.ts';
import { httpContent } from '../tools/content.ts';
import { makeCapture } from '../tools/make-capture.ts';

const test = suite('masked pcaps');
const directory = mkdtempSync(join(tmpdir(), 'dllt-mask-'));
test.after(() => rmSync(directory, { recursive: true, force: true }));

const capture = join(directory, 'capture.pcap');
makeCapture(capture, { connections: 8, contents: [httpContent], resets: 1 });

/** What tshark says of the requests in the pcaps of a replay: host, method, and whether each checksum is right. */
function replay(name: string, names: string): { hosts: string[]; methods: string[]; checksums: string[] } {
  const [out, env] = [join(directory, name), join(directory, `${name}.env`)];
  writeFileSync(env, `MASK_HTTP_HEADERS=${names}\nNO_EVENT_HTTP_CLIENT_RESET=N\nEVENT_THROTTLE=N\n`);
  const { status, stderr } = spawnSync(process.execPath, [AGENT, 'replay', capture, '--out', out, '--env', env], {
    encoding: 'utf8',
  });
  assert.is(status, 0, stderr);
  const rows = pcapNames(out).flatMap((pcap) => {
    const fields = ['http.host', 'http.request.method', 'tcp.checksum.status'].flatMap((field) => ['-e', field]);
    const options = ['-n', '-o', 'tcp.check_checksum:TRUE', '-T', 'fields', ...fields];
    const { stdout } = spawnSync('tshark', ['-r', join(out, pcap), ...options], { encoding: 'utf8' });
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split('\t'));
  });
  const column = (i: number) => rows.map((row) => row[i] ?? '');
  return { hosts: column(0).filter(Boolean), methods: column(1).filter(Boolean), checksums: column(2) };
}

test('tshark reads the requests as before, and finds every checksum right', () => {
  const plain = replay('plain', '');
  const masked = replay('masked', 'Host');
  assert.ok(plain.hosts.length > 8 && plain.hosts.every((host) => !host.includes('*')));
  assert.equal(
    masked.hosts,
    plain.hosts.map((host) => '*'.repeat(host.length)),
  );
  assert.equal(masked.methods, plain.methods);
  for (const { checksums } of [plain, masked]) {
    assert.ok(checksums.length > 50);
    assert.ok(checksums.every((status) => status === '1'));
  }
});

test.run();
