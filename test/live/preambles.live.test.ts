import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AgentRun } from '../lab/agent.ts';
import { Lab, type Pod } from '../lab/lab.ts';
import { waitFor } from '../lab/wait.ts';
import { makeCertificates } from './certificates.ts';
import { NODE_PORT as FORWARD_PROXY } from './http-servers.ts';
import { nginx } from './nginx.ts';
import { checkPcaps, pcapOf } from './pcaps.ts';
import { PROXIED_FROM } from './preamble-relay.ts';
import { Verdict } from './verdict.ts';

const test = suite('What comes before TLS and HTTP');

const [RELAY, HTTP_SERVERS] = ['./preamble-relay.js', './http-servers.js'].map((name) =>
  fileURLToPath(new URL(name, import.meta.url)),
) as [string, string];
/** nginx behind the PROXY protocol, a port for each version of it. */
const TLS_PORTS = [7_301, 7_302] as const;
const GOOD_TLS_PORTS = [7_303, 7_304] as const;
const HTTP_PORTS = [7_305, 7_306] as const;
/** nginx behind the forward proxy. */
const TUNNELLED = 7_307;
/** Where the relay of version 2 listens in the client's pod, above the port that it hands on to. */
const RELAY_OFFSET = 1_000;
const VXLAN_PORT = 4_789;
const VXLAN_ADDRESSES = ['10.200.0.1', '10.200.0.2'] as const;
const ORDERLY = 5_001;
const CERTIFICATE_EXPIRED = 512 + 45;
const TLS = 1;
const PLAIN_HTTP = 2;

interface Stage {
  readonly lab: Lab;
  readonly client: Pod;
  readonly server: Pod;
}

/** Runs curl in the client's pod; whether it succeeds is no matter. */
async function curl({ lab, client }: Stage, ...argv: string[]): Promise<void> {
  const always = ['curl', '-sS', '-o', '/dev/null', '--max-time', '15', '--cacert', 'ca.pem'];
  await lab.start(client.namespace, [...always, ...argv], { cwd: lab.directory }).ended;
}

/** With a header of version 1, which curl sends itself, or through the relay, which sends one of version 2. */
async function proxied(
  stage: Stage,
  scheme: string,
  ports: readonly [number, number],
  ...more: string[]
): Promise<void> {
  const { client, server, lab } = stage;
  const [first, second] = ports;
  const name = (port: number, address: string) => ['--resolve', `shop.example:${port}:${address}`];
  const url = (port: number) => `${scheme}://shop.example:${port}/`;
  await curl(stage, '--haproxy-protocol', ...name(first, server.ipv4), ...more, url(first));
  const argv = [process.execPath, RELAY, String(second + RELAY_OFFSET), server.ipv4, String(second)];
  await lab.start(client.namespace, argv).waitForListener(second + RELAY_OFFSET);
  await curl(stage, ...name(second + RELAY_OFFSET, '127.0.0.1'), ...more, url(second + RELAY_OFFSET));
}

/** A frame in VXLAN (RFC 7348 §5), for kernels that do not make them: its contents are nobody's business. */
const SEND_FRAMES = `const socket = require('dgram').createSocket('udp4');
  const frame = Buffer.concat([Buffer.from('0800000000000500', 'hex'), Buffer.alloc(60, 2)]);
  for (let i = 0; i < 50; i++) socket.send(frame, ${VXLAN_PORT}, process.argv[1], () => i === 49 && socket.close());`;

function hasVxlan({ namespace }: Pod): boolean {
  const probe = 'ip link add probe type vxlan id 1 dstport 1 2>/dev/null && ip link delete probe && echo yes || true';
  return namespace.run('sh', '-c', probe) !== '';
}

/** Traffic in a tunnel between a pod and another: of the kernel, or what looks like it. */
async function throughTunnel(lab: Lab, pod: Pod, peer: Pod): Promise<void> {
  if (!hasVxlan(pod)) {
    await lab.start(pod.namespace, [process.execPath, '-e', SEND_FRAMES, peer.ipv4]).output();
    return;
  }
  vxlan([pod, peer]);
  await lab.traffic(pod.namespace, 'orderly', VXLAN_ADDRESSES[1], ORDERLY, 10).output();
}

/** A network of the pods' own, in VXLAN. */
function vxlan([one, other]: readonly [Pod, Pod]): void {
  for (const [pod, peer, address] of [
    [one, other, VXLAN_ADDRESSES[0]],
    [other, one, VXLAN_ADDRESSES[1]],
  ] as const) {
    const ends = ['local', pod.ipv4, 'remote', peer.ipv4, 'dstport', String(VXLAN_PORT), 'dev', 'eth0'];
    pod.namespace.run('ip', 'link', 'add', 'vx', 'type', 'vxlan', 'id', '5', ...ends);
    pod.namespace.run('ip', 'address', 'add', `${address}/24`, 'dev', 'vx');
    pod.namespace.run('ip', 'link', 'set', 'vx', 'up');
  }
}

let verdict: Verdict;
let tunnel: Verdict;

test.before(async () => {
  await Lab.use(async (lab) => {
    const [client, server, overlay] = [lab.pod(), lab.pod(), lab.pod()];
    makeCertificates(lab.directory);
    const certificate = (name: string) =>
      `ssl_certificate ${lab.directory}/${name}.pem; ssl_certificate_key ${lab.directory}/${name}.key;`;
    await nginx(
      lab,
      server,
      [...TLS_PORTS, ...GOOD_TLS_PORTS, ...HTTP_PORTS, TUNNELLED],
      [
        ...TLS_PORTS.map((port) => `listen ${port} ssl proxy_protocol; ${certificate('expired')}`),
        ...GOOD_TLS_PORTS.map((port) => `listen ${port} ssl proxy_protocol; ${certificate('rsa')}`),
        ...HTTP_PORTS.map((port) => `listen ${port} proxy_protocol;`),
        `listen ${TUNNELLED} ssl; ${certificate('expired')}`,
      ],
    );
    const forward = lab.start(server.namespace, [process.execPath, HTTP_SERVERS, 'serve']);
    await forward.waitForListener(FORWARD_PROXY);
    await lab.serve(server.namespace, 'orderly', ORDERLY);

    const agent = AgentRun.start(lab, lab.node);
    const always = { EVENT_THROTTLE: 'N', SEARCH_HTTP_HEADER: 'X-Pepe', FOLLOW_SECONDS: 1 };
    const own = { POD_IP: client.ipv4 };
    const filter = { POD_IP: overlay.ipv4, PCAP_FILTER: `tcp or udp port ${VXLAN_PORT}` };
    agent.configure({ INTERFACE_INDEX_SNIF: client.hostIndex, ...always, ...own }, '.client');
    agent.configure({ INTERFACE_INDEX_SNIF: overlay.hostIndex, ...always, ...filter }, '.overlay');
    await Promise.all([client, overlay].map((pod) => agent.capturing(pod.hostIndex)));
    const stage = { lab, client, server };
    await Promise.all([
      proxied(stage, 'https', TLS_PORTS),
      proxied(stage, 'https', GOOD_TLS_PORTS),
      proxied(stage, 'http', HTTP_PORTS, '-H', 'X-Pepe: 42'),
      curl(
        stage,
        '-p',
        '-x',
        `http://${server.ipv4}:${FORWARD_PROXY}`,
        '--noproxy',
        '',
        `https://127.0.0.1:${TUNNELLED}/`,
      ),
      throughTunnel(lab, overlay, server),
    ]);
    const { directory } = agent.files(client.hostIndex);
    await waitFor('the end of each connection', () => agent.files(client.hostIndex).endFlows.length >= 7);
    [verdict, tunnel] = (await Verdict.of(agent, client, overlay)) as [Verdict, Verdict];
    checkPcaps(await Promise.all(HTTP_PORTS.map((port) => pcapOf(directory, new RegExp(`^dump_.*_${port}_`)))));
  });
});

for (const [version, port] of TLS_PORTS.entries()) {
  test(`PROXY protocol ${version + 1} before TLS: the client refuses an expired certificate`, () => {
    const about = verdict.about(port);
    const [event, ...more] = verdict.eventsOf(port);
    assert.equal([event?.code, event?.value, event?.extra.evtSrc], ['00004', CERTIFICATE_EXPIRED, 0], about);
    assert.equal(more, [], about);
    const [end] = verdict.endsOf(port);
    assert.is(end?.connType, TLS, about);
    const from = version === 0 ? `${end?.srcIP}:${end?.srcPort}` : PROXIED_FROM;
    assert.is(event?.extra.proxiedFrom, from, about);
    const title = /^TLS fails: /;
    verdict.finds(port, { causeId: 'tls.alert.certificate-expired', code: '00004', title, failed: 1 });
  });

  test(`PROXY protocol ${version + 1} before a TLS handshake that completes`, () => {
    const good = GOOD_TLS_PORTS[version] as number;
    verdict.findsNothing(good, 1);
    assert.is(verdict.eventsOf(good)[0]?.code, '00003', verdict.about(good));
    assert.is(verdict.endsOf(good)[0]?.connType, TLS, verdict.about(good));
  });

  test(`PROXY protocol ${version + 1} before HTTP: the header behind it is found`, () => {
    const http = HTTP_PORTS[version] as number;
    verdict.findsNothing(http, 1);
    assert.is(verdict.endsOf(http)[0]?.connType, PLAIN_HTTP, verdict.about(http));
    const found = verdict.log.filter(({ msg }) => msg === 'SEARCH_HTTP_HEADER was found');
    assert.equal(
      found.map(({ header }) => header),
      HTTP_PORTS.map(() => 'X-Pepe: 42'),
    );
  });
}

test('TLS through an HTTP proxy (CONNECT): the client refuses an expired certificate', () => {
  const about = verdict.about(FORWARD_PROXY);
  const [event, ...more] = verdict.eventsOf(FORWARD_PROXY);
  assert.equal([event?.code, event?.value, event?.extra.evtSrc], ['00004', CERTIFICATE_EXPIRED, 0], about);
  assert.equal(more, [], about);
  const title = /^TLS fails: /;
  verdict.finds(FORWARD_PROXY, { causeId: 'tls.alert.certificate-expired', code: '00004', title, failed: 1 });
});

test('a capture of nothing but a tunnel says so', () => {
  assert.match(tunnel.text, /are inside tunnels \(VXLAN/);
  assert.not.match(tunnel.text, /Nothing is wrong/);
  assert.equal(tunnel.findings, []);
});

test.run();
