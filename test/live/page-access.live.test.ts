import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AGENT, AgentRun } from '../lab/agent.ts';
import { Lab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';

const test = suite('Who sees the live page on loopback');
const PORT = 9_811;
const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
const PAGE = `http://127.0.0.1:${PORT}/page.js`;

test('the agent’s own user, and who knows the token; not other users, not a pod through route_localnet', async () => {
  await Lab.use(async (lab) => {
    const pod = lab.pod();
    const agent = await AgentRun.watch(lab, pod, {}, { HEALTH_PORT: String(PORT), UI: 'Y' });
    const status = async (where: Namespace, ...argv: string[]) => {
      const curl = ['curl', '-s', '-m', '5', '-o', '/dev/null', '-w', '%{http_code}'];
      const program = lab.start(
        where,
        argv[0] === NOBODY[0] ? [...NOBODY, ...curl, argv.at(-1) ?? ''] : [...curl, ...argv],
      );
      await program.ended;
      return program.stdout;
    };
    assert.is(await status(lab.node, PAGE), '200');
    assert.is(await status(lab.node, ...NOBODY, PAGE), '401');

    // as kube-proxy in iptables mode, and what maps a port of the node to its loopback
    lab.node.set('net/ipv4/conf/all/route_localnet', 1);
    const rule = ['PREROUTING', '-p', 'tcp', '-d', pod.nodeIpv4, '-j', 'DNAT', '--to-destination', '127.0.0.1'];
    lab.node.run('iptables', '-w', '-t', 'nat', '-A', ...rule);
    const { namespace } = pod;
    const fromPod = `http://${pod.nodeIpv4}:${PORT}`;
    assert.is(await status(namespace, `${fromPod}/healthz`), '200', 'the pod reaches the node’s loopback');
    assert.is(await status(namespace, '-H', 'Host: localhost', `${fromPod}/page.js`), '401');

    const tell = (...prefix: string[]) =>
      lab.start(lab.node, [...prefix, process.execPath, AGENT, 'token'], {
        env: { PATH: process.env['PATH'], LOG_DIR: agent.logDirectory },
      });
    const told = tell();
    assert.is((await told.ended).status, 0, told.stderr);
    const token = told.stdout.trim();
    assert.ok(token.length >= 32);
    assert.not.ok(agent.program.stdout.includes(token));
    const jar = `${lab.directory}/cookies`;
    const login = `http://127.0.0.1:${PORT}/login`;
    lab.node.run('curl', '-sS', '-o', '/dev/null', '-c', jar, '--data-urlencode', `token=${token}`, login);
    const cookie = /dlltagent\t([0-9a-f]{64})/.exec(lab.node.run('cat', jar))?.[1] ?? '';
    assert.is(await status(namespace, '-b', `dlltagent=${cookie}`, `${fromPod}/page.js`), '200');

    const [, key = ''] = /login\?key=(\S+)/.exec(agent.program.stdout) ?? [];
    assert.is(await status(lab.node, ...NOBODY, `${login}?key=${key}`), '303');
    await agent.stop();
    const after = tell();
    assert.is((await after.ended).status, 1);
    assert.match(after.stderr, /^Cannot read the token in .*: there is none/);
  });
});

test.run();
