/**
 * Both ends of an exchange between real programs, for `exchange-record.ts`. Run as a program in a directory with
 * certificates: `exchange-peers.js NAME PORT`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { type EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, createServer as createHttpServer, request } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server, createSecureServer } from 'node:http2';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, TLSSocket } from 'node:tls';
import { pathToFileURL } from 'node:url';
import { type WebSocket, WebSocketServer, WebSocket as WsClient } from 'ws';

type Peers = (port: number) => Promise<void>;

const HOST = '127.0.0.1';
const GET = 'GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n';
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** Unlike `once`, an error is no reason to give up. */
const closed = (one: EventEmitter) => new Promise((resolve) => one.once('close', resolve));
const file = (name: string) => readFileSync(name);
const rsa = () => ({ key: file('rsa.key'), cert: file('rsa.pem'), ca: file('ca.pem') });
const ecdsa = () => ({ key: file('ecdsa.key'), cert: file('ecdsa.pem'), ca: file('ca.pem') });
const trust = () => ({ host: HOST, servername: 'shop.example', ca: file('ca.pem') });

async function listening(server: Server, port: number): Promise<Server> {
  server.listen(port, HOST);
  await once(server, 'listening');
  return server;
}

/** Runs a program to its end. */
async function run(...argv: string[]): Promise<void> {
  const [program = '', ...rest] = argv;
  const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'inherit'] });
  await closed(child);
}

/** Runs a server while `body` runs; it is there when it takes a connection to nobody. */
async function withProgram(argv: readonly string[], port: number, body: () => Promise<void>): Promise<void> {
  const [program = '', ...rest] = argv;
  const child: ChildProcess = spawn(program, rest, { stdio: ['ignore', 'ignore', 'ignore'] });
  try {
    for (let listens = false; !listens; await sleep(50)) {
      listens = readFileSync('/proc/net/tcp', 'utf8').includes(
        `:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`,
      );
    }
    await body();
  } finally {
    child.kill();
    await closed(child);
  }
}

/** An HTTP/1 server of Node. */
async function withHttp(
  port: number,
  body: (server: Server) => Promise<void>,
  options: { keepAliveTimeout?: number } = {},
): Promise<void> {
  const server = createHttpServer(options, (incoming, response) => {
    incoming.resume();
    incoming.on('end', async () => {
      const { url = '' } = incoming;
      if (url === '/204') response.writeHead(204).end();
      else if (url === '/304') response.writeHead(304, { ETag: '"1"' }).end();
      else if (url === '/chunked') {
        for (let n = 0; n < 3; n++) {
          response.write(`part ${n} ${'c'.repeat(200)}`);
          await sleep(20);
        }
        response.end();
      } else if (url === '/slow') {
        await sleep(700);
        response.end('at last');
      } else {
        const bytes = url === '/large' ? 'l'.repeat(9_000) : 'hello';
        response.writeHead(200, { 'Content-Length': bytes.length }).end(bytes);
      }
    });
  });
  Object.assign(server, { httpAllowHalfOpen: true }); // a client that has ended its side still waits
  await listening(server, port);
  await body(server);
  server.close();
}

/** Requests one after the other on a kept connection. */
async function ask(port: number, requests: readonly (readonly [string, string, string?])[], restMs = 0): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (const [method, path, body] of requests) {
    const headers = body === undefined ? {} : { Expect: '100-continue', 'Content-Length': body.length };
    const outgoing = request({ agent, host: HOST, port, method, path, headers });
    if (body === undefined) outgoing.end();
    else {
      await once(outgoing, 'continue');
      outgoing.end(body);
    }
    const [response] = await once(outgoing, 'response');
    response.resume();
    await once(response, 'end');
  }
  await sleep(restMs);
  agent.destroy();
}

/** A server of lines, and a client that sends what `texts` say and waits for an answer each. */
async function lines(port: number, texts: readonly string[], greeting = ''): Promise<void> {
  const server = createServer((socket) => {
    if (greeting !== '') socket.write(greeting);
    socket.on('data', (bytes) => socket.write(`got ${bytes.length}\n`)).on('end', () => socket.end());
  });
  await listening(server, port);
  const client = connect(port, HOST);
  if (greeting !== '') await once(client, 'data');
  for (const text of texts) {
    client.write(text);
    await once(client, 'data');
  }
  client.end();
  await closed(client);
  server.close();
}

async function tlsPair(
  port: number,
  serverOptions: object,
  clientOptions: object,
  connections = 1,
  talk: (client: TLSSocket) => Promise<void> = requestAndEnd,
): Promise<void> {
  const server = createTlsServer({ ...ecdsa(), ...serverOptions }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n${'t'.repeat(3_000)}`));
    socket.on('end', () => socket.end());
  });
  server.on('tlsClientError', () => undefined);
  await listening(server, port);
  let session: Buffer | undefined;
  for (let n = 0; n < connections; n++) {
    const client = connectTls({ port, ...trust(), ...clientOptions, ...(session && { session }) });
    client.on('session', (one: Buffer) => {
      session = one;
    });
    client.on('error', () => undefined);
    await talk(client);
    if (!client.closed) await closed(client);
  }
  await sleep(50);
  server.close();
}

async function requestAndEnd(client: TLSSocket): Promise<void> {
  await Promise.race([new Promise((resolve) => client.once('secureConnect', resolve)), closed(client)]);
  if (client.destroyed) return;
  client.write(GET);
  let bytes = 0;
  client.on('data', (part) => {
    bytes += part.length;
    if (bytes >= 3_000) client.end();
  });
}

/** Asks for TLS before TLS, as PostgreSQL does. */
async function sslRequest(port: number, answer: 'S' | 'N'): Promise<void> {
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write(answer);
      const upgraded =
        answer === 'S' ? new TLSSocket(socket, { isServer: true, ...ecdsa() }) : (socket as Socket | TLSSocket);
      upgraded.on('data', () => upgraded.write('ready for query')).on('end', () => upgraded.end());
    });
  });
  await listening(server, port);
  const client = connect(port, HOST);
  client.write(Buffer.from('0000000804d2162f', 'hex'));
  await once(client, 'data');
  const upgraded = answer === 'S' ? connectTls({ socket: client, ...trust() }) : client;
  upgraded.write('startup user=shop');
  await once(upgraded, 'data');
  upgraded.write('select 1');
  await once(upgraded, 'data');
  upgraded.end();
  await closed(client);
  server.close();
}

async function smtp(port: number): Promise<void> {
  const server = createServer((socket) => {
    const talk = (stream: Socket | TLSSocket) =>
      stream.on('data', (bytes: Buffer) => {
        const line = bytes.toString();
        if (/^EHLO/i.test(line)) stream.write('250-mail.example\r\n250-STARTTLS\r\n250 8BITMIME\r\n');
        else if (/^STARTTLS/i.test(line)) {
          stream.removeAllListeners('data');
          stream.write('220 go ahead\r\n');
          talk(new TLSSocket(socket, { isServer: true, ...ecdsa() }));
        } else if (/^QUIT/i.test(line)) stream.end('221 bye\r\n');
        else stream.write('250 ok\r\n');
      });
    socket.on('error', () => undefined);
    socket.write('220 mail.example ESMTP\r\n');
    talk(socket);
  });
  await listening(server, port);
  const client = spawn(
    'openssl',
    ['s_client', '-quiet', '-starttls', 'smtp', '-connect', `${HOST}:${port}`, '-CAfile', 'ca.pem'],
    { stdio: ['pipe', 'ignore', 'ignore'] },
  );
  await sleep(400);
  client.stdin.write('MAIL FROM:<a@example>\r\n');
  await sleep(100);
  client.stdin.write('QUIT\r\n');
  await closed(client);
  server.close();
}

async function webSocket(port: number): Promise<void> {
  const server = new WebSocketServer({ host: HOST, port });
  await once(server, 'listening');
  server.on('connection', (socket: WebSocket) => socket.on('message', (data) => socket.send(data)));
  const client = new WsClient(`ws://${HOST}:${port}/chat`);
  await once(client, 'open');
  for (const text of ['one', 'two'.repeat(100)]) {
    client.send(text);
    await once(client, 'message');
  }
  client.close();
  await closed(client);
  server.close();
}

async function http2(port: number, isSecure: boolean): Promise<void> {
  const server = isSecure ? createSecureServer(ecdsa()) : createHttp2Server();
  server.on('stream', (stream) => {
    stream.resume();
    stream.on('end', () => {
      stream.respond({ ':status': 200 });
      stream.end('h'.repeat(5_000));
    });
  });
  await listening(server as unknown as Server, port);
  const session = connectHttp2(`${isSecure ? 'https' : 'http'}://${HOST}:${port}`, {
    ...(isSecure && { ca: file('ca.pem'), servername: 'shop.example' }),
  });
  for (const body of ['', 'b'.repeat(2_000)]) {
    const stream = session.request({ ':method': body === '' ? 'GET' : 'POST', ':path': '/a' });
    stream.resume();
    if (body !== '') stream.end(body);
    await once(stream, 'end');
  }
  session.close();
  await closed(session);
  server.close();
}

/** `openssl s_server` and `s_client` with a request. */
const openssl =
  (serverOptions: readonly string[], clientOptions: readonly string[]): Peers =>
  (port) => {
    const server = ['openssl', 's_server', '-quiet', '-accept', `${HOST}:${port}`, '-www', '-CAfile', 'ca.pem'];
    const own = ['-cert', 'ecdsa.pem', '-key', 'ecdsa.key'];
    return withProgram([...server, ...own, ...serverOptions], port, () =>
      run(
        'sh',
        '-c',
        `openssl s_client -connect ${HOST}:${port} -CAfile ca.pem ${clientOptions.join(' ')} < request.txt > /dev/null 2>&1`,
      ),
    );
  };

const curl =
  (...options: readonly string[]): Peers =>
  (port) =>
    withHttp(port, () => run('curl', '-sS', '-o', '/dev/null', ...options, `http://${HOST}:${port}/large`));

const python =
  (code: string): Peers =>
  (port) =>
    run('python3', '-c', code.replaceAll('PORT', String(port)));

const SLOW_READER = `
import socket, threading, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('${HOST}', PORT)); s.listen()
def serve():
    c, _ = s.accept(); time.sleep(1.5)
    while c.recv(4096): pass
    c.sendall(b'done'); c.close()
t = threading.Thread(target=serve); t.start()
c = socket.create_connection(('${HOST}', PORT)); c.sendall(b'z' * 20000); c.shutdown(socket.SHUT_WR); c.recv(10); c.close(); t.join()
`;
const FAST_OPEN = `
import socket, threading
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.setsockopt(socket.IPPROTO_TCP, 23, 5); s.bind(('${HOST}', PORT)); s.listen()
def serve():
    for _ in range(2):
        c, _ = s.accept(); c.recv(4096); c.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok'); c.recv(10); c.close()
t = threading.Thread(target=serve); t.start()
for _ in range(2):
    c = socket.socket(); c.sendto(b'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n', 0x20000000, ('${HOST}', PORT)); c.recv(4096); c.close()
t.join()
`;
const RESET_AFTER_ANSWER = `
import socket, struct, threading
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('${HOST}', PORT)); s.listen()
def serve():
    c, _ = s.accept(); c.recv(4096); c.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok')
    try: c.recv(10)
    except OSError: pass
    c.close()
t = threading.Thread(target=serve); t.start()
c = socket.create_connection(('${HOST}', PORT)); c.sendall(b'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'); c.recv(4096)
c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); c.close(); t.join()
`;

async function rawHttp(port: number, text: string, endsEarly: boolean): Promise<void> {
  await withHttp(port, async () => {
    const client = connect({ port, host: HOST, allowHalfOpen: true });
    if (endsEarly) client.end(text);
    else client.write(text);
    client.resume();
    if (!endsEarly) {
      await sleep(300);
      client.end();
    }
    await closed(client);
  });
}

async function upload(port: number): Promise<void> {
  const server = createServer((socket) => socket.resume().on('end', () => socket.end()));
  await listening(server, port);
  const client = connect(port, HOST).resume();
  for (let n = 0; n < 12; n++) {
    client.write(`${n} ${'u'.repeat(300)}\n`);
    await sleep(30);
  }
  client.end();
  await closed(client);
  server.close();
}

async function keepAliveProbes(port: number): Promise<void> {
  const server = createServer((socket) => socket.on('data', () => socket.write('pong')).on('end', () => socket.end()));
  await listening(server, port);
  const client = connect(port, HOST);
  client.setKeepAlive(true, 1_000);
  for (let n = 0; n < 2; n++) {
    client.write('ping');
    await once(client, 'data');
    await sleep(3_300);
  }
  client.end();
  await closed(client);
  server.close();
}

/** A server that goes away in the middle of its answer, in several ways. */
async function broken(port: number, answer: string, how: 'end' | 'reset' | 'nothing'): Promise<void> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => {
      if (answer !== '') socket.write(answer);
      if (how === 'end') socket.end();
      if (how === 'reset') setTimeout(() => socket.resetAndDestroy(), 50);
    });
  });
  await listening(server, port);
  const client = connect(port, HOST);
  client.on('error', () => undefined);
  client.write(GET);
  client.resume();
  if (how === 'nothing') setTimeout(() => client.destroy(), 1_500);
  await closed(client);
  for (const socket of sockets) socket.destroy();
  server.close();
}

/** Exchanges in which nothing is wrong. */
export const GOOD_PEERS: Readonly<Record<string, Peers>> = {
  'HTTP/1 Content-Length': (port) =>
    withHttp(port, () =>
      ask(port, [
        ['GET', '/a'],
        ['GET', '/large'],
        ['GET', '/slow'],
      ]),
    ),
  'HTTP/1 chunks': (port) =>
    withHttp(port, () =>
      ask(port, [
        ['GET', '/chunked'],
        ['GET', '/chunked'],
      ]),
    ),
  'HTTP/1 HEAD, 204, 304': (port) =>
    withHttp(port, () =>
      ask(port, [
        ['HEAD', '/large'],
        ['GET', '/204'],
        ['GET', '/304'],
        ['HEAD', '/chunked'],
        ['DELETE', '/204'],
      ]),
    ),
  'HTTP/1 100-continue': (port) =>
    withHttp(port, () =>
      ask(port, [
        ['POST', '/a', 'p'.repeat(2_000)],
        ['PUT', '/204', 'q'.repeat(3_000)],
      ]),
    ),
  'HTTP/1 pipelining': (port) => rawHttp(port, GET.repeat(4), false),
  'HTTP/1 half-close': (port) => rawHttp(port, GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'), true),
  'HTTP/1 half-close while it waits': (port) => rawHttp(port, GET.replace('/a', '/slow'), true),
  'HTTP/1 idle, closed by the server': (port) =>
    withHttp(port, () => ask(port, [['GET', '/a']], 2_500), { keepAliveTimeout: 500 }),
  'HTTP/1 by curl': curl('-H', 'Connection: close'),
  'HTTP/1 by curl with a body': curl('-d', 'd'.repeat(1_800)),
  'HTTP/1.0 until close': (port) =>
    withProgram(['python3', '-m', 'http.server', String(port), '--bind', HOST], port, () =>
      run('curl', '-sS', '-o', '/dev/null', '-0', `http://${HOST}:${port}/`),
    ),
  WebSocket: webSocket,
  'HTTP/2 in clear': (port) => http2(port, false),
  'HTTP/2 over TLS': (port) => http2(port, true),
  'TLS 1.3 by Node': (port) => tlsPair(port, {}, { minVersion: 'TLSv1.3' }),
  'TLS 1.2 by Node': (port) => tlsPair(port, {}, { maxVersion: 'TLSv1.2' }),
  'TLS 1.2 RSA by Node': (port) => tlsPair(port, rsa(), { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA256' }),
  'TLS 1.3 resumed by Node': (port) => tlsPair(port, {}, { minVersion: 'TLSv1.3' }, 2),
  'TLS 1.2 resumed by Node': (port) => tlsPair(port, {}, { maxVersion: 'TLSv1.2' }, 2),
  'TLS 1.3 client certificate by Node': (port) =>
    tlsPair(port, { requestCert: true }, { cert: file('client.pem'), key: file('client.key') }),
  'TLS 1.2 client certificate by Node': (port) =>
    tlsPair(port, { requestCert: true }, { cert: file('client.pem'), key: file('client.key'), maxVersion: 'TLSv1.2' }),
  'TLS 1.3 closed without a request': (port) =>
    tlsPair(port, {}, {}, 1, async (client) => {
      await once(client, 'secureConnect');
      client.end();
    }),
  'TLS 1.3 by openssl': openssl(['-tls1_3'], []),
  'TLS 1.2 by openssl': openssl(['-tls1_2'], []),
  'TLS 1.3 client certificate by openssl': openssl(['-Verify', '1'], ['-cert', 'client.pem', '-key', 'client.key']),
  'TLS 1.3 HelloRetryRequest by openssl': openssl(['-groups', 'P-384'], ['-groups', 'X25519:P-384']),
  'TLS 1.2 by curl': (port) =>
    tlsPair(port, {}, {}, 0).then(() =>
      withProgram(
        ['openssl', 's_server', '-quiet', '-accept', `${HOST}:${port}`, '-www', '-cert', 'rsa.pem', '-key', 'rsa.key'],
        port,
        () =>
          run('curl', '-sS', '-o', '/dev/null', '--cacert', 'ca.pem', '--tls-max', '1.2', `https://${HOST}:${port}/`),
      ),
    ),
  'PostgreSQL with TLS': (port) => sslRequest(port, 'S'),
  'PostgreSQL without TLS': (port) => sslRequest(port, 'N'),
  'SMTP STARTTLS': smtp,
  'plain text': (port) => lines(port, ['a', 'b'.repeat(3_000), 'c']),
  'server first': (port) => lines(port, ['USER a\r\n', 'QUIT\r\n'], '220 ready\r\n'),
  upload,
  'keep-alive probes': keepAliveProbes,
  'window closed for a while': python(SLOW_READER),
  'TCP Fast Open': python(FAST_OPEN),
};

/** Exchanges in which something is wrong, or may be. */
export const FAILING_PEERS: Readonly<Record<string, Peers>> = {
  'reset after the answer': python(RESET_AFTER_ANSWER),
  refused: (port) => run('sh', '-c', `curl -s http://${HOST}:${port}/ || true`),
  'closed without an answer': (port) => broken(port, '', 'end'),
  'reset without an answer': (port) => broken(port, '', 'reset'),
  'no answer': (port) => broken(port, '', 'nothing'),
  'cut short': (port) => broken(port, `HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n${'c'.repeat(500)}`, 'end'),
  'cut short by a reset': (port) =>
    broken(port, `HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n${'c'.repeat(500)}`, 'reset'),
  'chunks cut short': (port) =>
    broken(port, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n', 'end'),
  'TLS 1.3 unknown CA by Node': (port) => tlsPair(port, {}, { ca: [] }),
  'TLS 1.2 unknown CA by openssl': openssl(['-tls1_2'], ['-verify_return_error', '-CAfile', 'other.pem']),
  'TLS 1.3 unknown CA by openssl': openssl(['-tls1_3'], ['-verify_return_error', '-CAfile', 'other.pem']),
  'TLS 1.3 expired': openssl(['-cert', 'expired.pem', '-key', 'expired.key'], ['-verify_return_error']),
  'TLS version': openssl(['-tls1_3'], ['-tls1_2']),
  'TLS client certificate missing': openssl(['-Verify', '1', '-verify_return_error'], []),
  'TLS to a plain port': (port) => withHttp(port, () => run('sh', '-c', `curl -s https://${HOST}:${port}/ || true`)),
  'plain text to a TLS port': (port) =>
    withProgram(
      ['openssl', 's_server', '-quiet', '-accept', `${HOST}:${port}`, '-cert', 'ecdsa.pem', '-key', 'ecdsa.key'],
      port,
      () => run('sh', '-c', `curl -s --max-time 2 http://${HOST}:${port}/ || true`),
    ),
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [, , name = '', port = ''] = process.argv;
  const peers = GOOD_PEERS[name] ?? FAILING_PEERS[name];
  if (peers === undefined) throw new Error(`Cannot play "${name}": it is not known`);
  await peers(Number(port));
  process.exit();
}
