import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AgentRun, type EnvSettings } from '../lab/agent.ts';
import { Lab, type Pod } from '../lab/lab.ts';
import type { Program } from '../lab/program.ts';
import type { EndFlowLine, EventLine } from '../lab/session-files.ts';
import { waitFor } from '../lab/wait.ts';
import { alert, clientHello, record } from '../tools/tls-bytes.ts';
import { makeCertificates } from './certificates.ts';
import { nginx } from './nginx.ts';
import { checkPcaps, pcapOf, readPcap } from './pcaps.ts';
import { STARTTLS_PORTS } from './starttls-server.ts';
import { type LabFiles, runClient, runScenario, type Scenario } from './tls-scenario.ts';
import { failingScenarios, goodScenarios } from './tls-scenarios.ts';

const test = suite('TLS events of real programs');

const STARTTLS_SERVER = fileURLToPath(new URL('./starttls-server.js', import.meta.url));
const FIRST_PORT = 20_000;
const HTTPS = 443;
const HTTP = 8080;
/** Scenarios that run at the same time. */
const WIDTH = 8;
const ENDED_EARLY = "the connection ended before the server showed what it thinks of the client's certificate";
const EndType = { fin: 0, alert: 1, reset: 2 };
const TLS = 1;
const PLAIN_HTTP = 2;

/** A client's pod that is watched, a server's pod that is not, and certificates. */
async function prepare(lab: Lab, settings: EnvSettings = {}) {
  const [client, server] = [lab.pod(), lab.pod()];
  makeCertificates(lab.directory);
  const agent = await AgentRun.watch(lab, client, { POD_IP: client.ipv4, EVENT_THROTTLE: 'N', ...settings });
  return { client, server, agent };
}

/** A server with a certificate: HTTPS with HTTP/2 on port 443, plain HTTP on 8080. */
function webServer(lab: Lab, server: Pod): Promise<Program> {
  const tls = `ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ALL:@SECLEVEL=0; ssl_certificate ${lab.directory}/rsa.pem; ssl_certificate_key ${lab.directory}/rsa.key;`;
  return nginx(
    lab,
    server,
    [HTTPS, HTTP],
    [`listen ${HTTPS} ssl http2; listen [::]:${HTTPS} ssl http2; ${tls}`, `listen ${HTTP};`],
  );
}

/** Runs each scenario once, with a port of its own; gives the ports. */
async function runAll(lab: Lab, client: Pod, server: Pod, scenarios: readonly Scenario[]): Promise<number[]> {
  const places: LabFiles[] = scenarios.map((_, i) => ({
    dir: lab.directory,
    address: server.ipv4,
    port: FIRST_PORT + i,
  }));
  const jobs = scenarios.map(
    (scenario, i) => () => runScenario(scenario, places[i] as LabFiles, server.namespace, client.namespace),
  );
  const worker = async () => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await job();
  };
  await Promise.all(Array.from({ length: WIDTH }, worker));
  return places.map(({ port }) => port);
}

/** Stops the agent and gives everything that was written about connections to a port. */
async function report(agent: AgentRun, pod: Pod) {
  const { status } = await agent.stop();
  assert.is(status, 0, agent.transcript());
  const { directory, events, endFlows, log } = agent.files(pod.hostIndex);
  return {
    directory,
    events,
    log,
    of: (port: number): { events: EventLine[]; ends: EndFlowLine[] } => ({
      events: events.filter(({ dstPort }) => dstPort === port),
      ends: endFlows.filter(({ dstPort }) => dstPort === port),
    }),
  };
}

const texts = (events: readonly EventLine[]) => events.map((event) => JSON.stringify(event)).join('\n');

test('handshakes that complete: a 00003 each and nothing else, connType 1, latency3', async () => {
  await Lab.use(async (lab) => {
    const { client, server, agent } = await prepare(lab);
    const ports = await runAll(lab, client, server, goodScenarios);
    const { of } = await report(agent, client);
    for (const [i, scenario] of goodScenarios.entries()) {
      const { events, ends } = of(ports[i] as number);
      const count = (scenario.connectionsPerRun ?? 1) + (scenario.first === undefined ? 0 : 1);
      const message = `${scenario.name}\n${texts(events)}`;
      assert.is(ends.length, count, message);
      assert.equal(
        events.map(({ code, value }) => `${code} ${value}`),
        Array(count).fill(`00003 ${scenario.version}`),
        message,
      );
      for (const { quality, confidence, tls, pcap } of events) {
        const doubt = quality === 1 ? undefined : ENDED_EARLY;
        assert.is(confidence, doubt, message);
        assert.is(tls?.serverName ?? '', scenario.serverName ?? 'shop.example', message);
        assert.match(tls?.cipher ?? '', /^TLS_/, message);
        assert.ok(Number.isInteger(tls?.handshakeUs) && (tls?.handshakeUs ?? 0) > 0, message);
        assert.is(pcap, undefined, message);
      }
      for (const { connType, latency1, latency3, latency4, quality } of ends) {
        assert.is(connType, TLS, message);
        assert.ok(latency3 > latency1, message);
        assert.ok(latency4 > 0 && latency4 < latency3, message);
        assert.is(quality, 1, message);
      }
    }
  });
});

test('handshakes that fail: one 00004 each and no 00002, endType 1, a pcap', async () => {
  await Lab.use(async (lab) => {
    const { client, server, agent } = await prepare(lab);
    const scenarios = failingScenarios;
    const ports = await runAll(lab, client, server, scenarios);
    const { of, directory } = await report(agent, client);
    const pcaps: string[] = [];
    for (const [i, { name, side, values }] of scenarios.entries()) {
      const { events, ends } = of(ports[i] as number);
      const message = `${name}\n${texts(events)}`;
      assert.is(ends.length, 1, message);
      const [event] = events;
      assert.is(events.length, 1, message);
      assert.is(event?.code, '00004', message);
      assert.ok(values.includes(event?.value ?? -1), message);
      assert.is(event?.extra.evtSrc, side, message);
      assert.is(event?.value === 767, event?.confidence !== undefined, message);
      const [end] = ends;
      assert.equal([end?.connType, end?.endType, end?.evtSrc], [TLS, EndType.alert, side], message);
      assert.is(end?.latency3, 0, message);
      pcaps.push(await pcapOf(directory, event?.pcap ?? 'without a name'));
    }
    checkPcaps(pcaps);
    for (const path of pcaps.slice(0, 2)) {
      const packets = readPcap(path);
      assert.is(packets[0]?.flags, 2, 'the packets from before the alert, the SYN first');
      assert.ok(
        packets.some(({ flags }) => (flags & 5) !== 0),
        'and what came of it, a FIN or a RST',
      );
    }
  });
});

test('nginx: ALPN and SNI over IPv4 and IPv6, TLS to a port of plain HTTP, plain HTTP to a port of TLS', async () => {
  await Lab.use(async (lab) => {
    const { client, server, agent } = await prepare(lab);
    await webServer(lab, server);
    const get = (...argv: string[]) =>
      runClient(client.namespace, lab.directory, ['curl', '-sS', '--cacert', 'ca.pem', '--max-time', '5', ...argv]);
    const at = (address: string) => ['--resolve', `shop.example:${HTTPS}:${address}`, 'https://shop.example/'];
    await get('--tls-max', '1.2', '--http2', ...at(server.ipv4));
    await get('--http1.1', ...at(`[${server.ipv6}]`));
    const ofTls = (event: EventLine) => event.code === '00003' && event.dstPort === HTTPS;
    const [first, second] = await agent.events(client.hostIndex, ofTls, 2);
    await get(`https://${server.ipv4}:${HTTP}/`);
    const [exception] = await agent.events(client.hostIndex, ({ code }) => code === '00005');
    await get(`http://${server.ipv4}:${HTTPS}/`);
    const { of, events, directory } = await report(agent, client);

    assert.equal([first?.value, first?.tls?.alpn, first?.tls?.serverName], [771, 'h2', 'shop.example']);
    assert.is(first?.tls?.certificate?.issuer, 'CN=ca root');
    assert.equal([second?.value, second?.tls?.alpn], [772, 'http/1.1 (offered)']);
    assert.is(second?.srcIP, new URL(`http://[${client.ipv6}]/`).hostname.slice(1, -1));
    assert.match(exception?.cause ?? '', /HTTP was answered where TLS was begun/);
    assert.is(exception?.dstPort, HTTP);
    readPcap(await pcapOf(directory, exception?.pcap ?? 'without a name'));
    assert.is(events.filter(({ code }) => code === '00005').length, 1, texts(events));
    const plain = of(HTTPS).ends.filter(({ connType }) => connType === PLAIN_HTTP);
    assert.is(plain.length, 1, 'a plain request answered in plain text by a TLS port is HTTP');
    assert.is(plain[0]?.endType, EndType.fin);
    assert.is(events.length, 3, texts(events));
  });
});

/** Sends a ClientHello in two segments and, when the server has answered, a close_notify; then waits for its end. */
const goodbye = (address: string, port: number) => [
  process.execPath,
  '-e',
  `const [hello, bye] = ['${record(22, clientHello({ name: 'shop.example', suites: [0x009c] }))}', '${alert(1, 0)}'];
   const socket = require('net').connect({ host: '${address}', port: ${port} });
   socket.on('error', () => 0).once('data', () => socket.end(Buffer.from(bye, 'hex'))).resume();
   socket.write(Buffer.from(hello, 'hex'));`,
];

test('EVENTS_FOR_TLS_CONNECTIONS=N, and NO_EVENT_HTTPS_CLIENT_SSL_SHUTDOWN', async () => {
  for (const silent of ['Y', 'N'] as const) {
    await Lab.use(async (lab) => {
      const settings = { EVENTS_FOR_TLS_CONNECTIONS: 'N', NO_EVENT_HTTPS_CLIENT_SSL_SHUTDOWN: silent };
      const { client, server, agent } = await prepare(lab, settings);
      await webServer(lab, server);
      const url = ['--resolve', `shop.example:${HTTPS}:${server.ipv4}`, 'https://shop.example/'];
      await runClient(client.namespace, lab.directory, ['curl', '-sS', '--cacert', 'ca.pem', ...url]);
      await runClient(client.namespace, lab.directory, goodbye(server.ipv4, HTTPS));
      const { hostIndex } = client;
      await waitFor('their ends', () => agent.files(hostIndex).endFlows.length === 2, {
        describe: () => agent.transcript(),
      });
      const { events, of } = await report(agent, client);
      const { ends } = of(HTTPS);
      assert.equal(
        ends.map(({ connType, endType }) => [connType, endType]),
        [
          [TLS, EndType.fin],
          [TLS, EndType.fin],
        ],
        texts(events),
      );
      assert.is(ends.filter(({ latency3 }) => latency3 > 0).length, 1);
      const told = events.map(({ code, value, extra, pcap }) => [code, value, extra.evtSrc, pcap]);
      assert.equal(told, silent === 'Y' ? [] : [['00004', 256, 0, undefined]], texts(events));
    });
  }
});

test('TLS that begins later in a connection', async () => {
  await Lab.use(async (lab) => {
    const { client, server, agent } = await prepare(lab);
    const program = lab.start(server.namespace, [process.execPath, STARTTLS_SERVER], { cwd: lab.directory });
    const upgrades = Object.entries(STARTTLS_PORTS);
    for (const [, port] of upgrades) await program.waitForListener(port);
    await Promise.all(
      upgrades.map(([protocol, port]) => {
        const options = ['-starttls', protocol, '-servername', 'shop.example', '-CAfile', 'ca.pem'];
        const argv = ['openssl', 's_client', '-connect', `${server.ipv4}:${port}`, ...options];
        return runClient(client.namespace, lab.directory, argv, 'hello\n');
      }),
    );
    const { of } = await report(agent, client);
    for (const [protocol, port] of upgrades) {
      const { events, ends } = of(port);
      const message = `${protocol}\n${texts(events)}\n${JSON.stringify(ends)}`;
      assert.equal(
        events.map(({ code, value, tls }) => [code, value, tls?.serverName]),
        [['00003', 772, 'shop.example']],
        message,
      );
      assert.match(events[0]?.cause ?? '', /begun from/, message);
      assert.is(ends[0]?.connType, TLS, message);
      assert.ok((ends[0]?.latency3 ?? 0) > 0, message);
    }
  });
});

test('TLS that was there before: connType 1, no handshake, in doubt', async () => {
  await Lab.use(async (lab) => {
    const [client, server] = [lab.pod(), lab.pod()];
    makeCertificates(lab.directory);
    const [scenario] = goodScenarios.filter(({ name }) => name === 'TLS 1.3 closed at once');
    const place = { dir: lab.directory, address: server.ipv4, port: FIRST_PORT };
    const listener = lab.start(server.namespace, scenario?.server(place) ?? [], { cwd: lab.directory });
    await listener.waitForListener(FIRST_PORT);
    const argv = scenario?.client(place) ?? [];
    const holder = lab.start(client.namespace, argv, { cwd: lab.directory, stdio: 'pipe' });
    await holder.waitForOutput(/Verify return code/);
    const agent = await AgentRun.watch(lab, client);
    holder.child.stdin?.end('GET / HTTP/1.0\r\n\r\n');
    await holder.ended;
    await waitFor('its end', () => agent.files(client.hostIndex).endFlows.length > 0);
    const { events, of } = await report(agent, client);
    const [end] = of(FIRST_PORT).ends;
    assert.equal([end?.connType, end?.latency3, end?.quality], [TLS, 0, 0]);
    assert.equal(events, []);
  });
});

test.run();
