import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AgentRun } from '../lab/agent.ts';
import { Lab } from '../lab/lab.ts';
import { pcapNames } from '../lab/session-files.ts';
import { waitFor } from '../lab/wait.ts';
import { pcapOf, readPcap } from './pcaps.ts';

const test = suite('Masked headers in pcaps of real traffic');
const PORT = 8_080;
const SECRETS = ['dTpnZWhlaW0', 'geheim', 'session-of-the-server'];
const SERVER = `require('http').createServer((request, response) => {
  response.setHeader('Set-Cookie', ['id=session-of-the-server; HttpOnly', 'other=session-of-the-server']);
  response.end('hello');
}).listen(${PORT}, '::');`;
/** Sends its request byte by byte, on a connection that has seen one already. */
const SLOW_CLIENT = `const socket = require('net').connect(${PORT}, process.argv[1]).setNoDelay();
const request = 'GET /slow HTTP/1.1\\r\\nHost: a\\r\\nCookie: k=geheim\\r\\nAuthorization: Basic dTpnZWhlaW0\\r\\n\\r\\n';
(async () => {
  socket.write(request);
  for (const character of request) await new Promise((done) => socket.write(character, () => setTimeout(done, 1)));
  socket.end();
})();`;

test('curl, and a client that sends byte by byte: no secret is in the pcap, and everything else is', async () => {
  await Lab.use(async (lab) => {
    const [client, server] = [lab.pod(), lab.pod()];
    const http = lab.start(server.namespace, [process.execPath, '-e', SERVER]);
    await http.waitForListener(PORT);
    const agent = await AgentRun.watch(lab, client, { FOLLOW_PORT: PORT, FOLLOW_SECONDS: 60 });
    const directory = agent.sessionDirectory(client.hostIndex);
    const url = `http://${server.ipv4}:${PORT}`;
    const curl = ['curl', '-sS', '-H', 'Cookie: k=geheim', '-u', 'u:geheim', '-o', '/dev/null', '-o', '/dev/null'];
    await lab.start(client.namespace, [...curl, `${url}/one`, `${url}/two`]).output();
    await lab.start(client.namespace, [process.execPath, '-e', SLOW_CLIENT, server.ipv6]).output();
    for (const name of [/^dump_10\./, /^dump_fd00/]) {
      const path = await pcapOf(directory, name);
      readPcap(path);
      const bytes = readFileSync(path, 'latin1');
      for (const secret of SECRETS) assert.not(bytes.includes(secret), `${secret} in ${path}`);
      const fields = ['http.request.uri', 'http.cookie', 'http.authorization', 'http.set_cookie', 'http.file_data'];
      const options = fields.flatMap((field) => ['-e', field]);
      const argv = ['-n', '-r', path, '-Y', 'http', '-T', 'fields', ...options];
      const { stdout } = spawnSync('tshark', argv, { encoding: 'utf8' });
      const rows = stdout.trimEnd().split('\n');
      const [[, cookie, authorization]] = rows.map((row) => row.split('\t')) as [string[]];
      assert.is(cookie, '*'.repeat('k=geheim'.length));
      assert.ok(/^\*+$/.test(authorization ?? ''), authorization);
      assert.is(rows.filter((row) => row.startsWith('/')).length, 2, stdout);
      assert.is(rows.filter((row) => /\*{34},\*{27}/.test(row)).length, 2, stdout);
    }
    agent.configure({ INTERFACE_INDEX_SNIF: client.hostIndex, FOLLOW_PORT: PORT, MASK_HTTP_HEADERS: 'Set-Cookie' });
    const changed = () => agent.files(client.hostIndex).log.some(({ msg }) => msg === 'settings changed');
    await waitFor('the other settings', changed, { describe: () => agent.transcript() });
    await lab.start(client.namespace, [...curl, `http://[${server.ipv6}]:${PORT}/three`]).output();
    const isUnmasked = (name: string) => readFileSync(join(directory, name), 'latin1').includes('/three');
    const unmasked = await waitFor('its pcap', () => pcapNames(directory).find(isUnmasked));
    const bytes = readFileSync(join(directory, unmasked), 'latin1');
    assert.ok(bytes.includes('Cookie: k=geheim') && !bytes.includes('session-of-the-server'));
    const { status } = await agent.stop();
    assert.is(status, 0, agent.transcript());
  });
});

test.run();
