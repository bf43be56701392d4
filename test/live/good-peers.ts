/**
 * Servers and clients that do everything right, in ways that may look wrong. Run as a program in a directory with
 * `rsa.pem` and `rsa.key`: `serve` says `ready` when all listen; `websocket HOST` and `tls HOST` are clients.
 */
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type SecureVersion, type TLSSocket } from 'node:tls';
import { pathToFileURL } from 'node:url';
import { WebSocket, WebSocketServer } from 'ws';

/** Where each of them listens. */
export const GOOD_PORTS = { web: 7101, websocket: 7102, halfClose: 7103, upload: 7104 } as const;

/** Who closes a TLS connection first after the answer, and whether with close_notify. */
export const CLOSINGS = [
  'client',
  'server',
  'both',
  'client without close_notify',
  'server without close_notify',
] as const;
type Closing = (typeof CLOSINGS)[number];

/** TLS servers, one for each closing and version. */
export const TLS_SERVERS: readonly {
  readonly port: number;
  readonly closing: Closing;
  readonly version: SecureVersion;
}[] = CLOSINGS.flatMap((closing, i) => [
  { port: 7110 + 2 * i, closing, version: 'TLSv1.2' as const },
  { port: 7111 + 2 * i, closing, version: 'TLSv1.3' as const },
]);

const ANSWER = 'an answer of some length\n'.repeat(2_000);

function serveTls(): void {
  const certificate = { cert: readFileSync('rsa.pem'), key: readFileSync('rsa.key') };
  for (const { port, closing, version } of TLS_SERVERS) {
    const options = { ...certificate, minVersion: version, maxVersion: version };
    const server = createTlsServer(options, (socket) => {
      socket.on('error', () => undefined).on('data', () => answer(socket, closing));
    });
    server.listen(port);
  }
}

function answer(socket: TLSSocket, closing: Closing): void {
  if (closing === 'server' || closing === 'both') socket.end(ANSWER);
  else socket.write(ANSWER, () => closing === 'server without close_notify' && socket.destroy());
}

/** Asks a TLS server and closes as agreed. */
function askTls(host: string, port: number, closing: Closing, version: SecureVersion): Promise<void> {
  const options = { host, port, minVersion: version, maxVersion: version, rejectUnauthorized: false };
  return new Promise((resolve) => {
    const socket = connectTls(options, () => socket.write('a question\n'));
    let leftBytes = ANSWER.length;
    socket.on('error', () => undefined).on('close', () => resolve());
    socket.on('data', (bytes: Buffer) => {
      leftBytes -= bytes.length;
      if (leftBytes > 0) return;
      if (closing === 'client' || closing === 'both') socket.end();
      else if (closing === 'client without close_notify') socket.destroy();
    });
  });
}

function serve(): void {
  const web = createHttpServer((request, response) => {
    request.resume().on('end', () => {
      for (let i = 0; i < 5; i++) response.write(ANSWER); // in chunks
      response.end();
    });
  });
  web.listen(GOOD_PORTS.web);
  new WebSocketServer({ port: GOOD_PORTS.websocket }).on('connection', (socket) =>
    socket.on('message', (message) => socket.send(message)),
  );
  // counts what comes until the client's FIN, and answers then
  const count = createServer({ allowHalfOpen: true }, (socket) => {
    let bytes = 0;
    socket.on('data', (piece) => (bytes += piece.length)).on('end', () => socket.end(`${bytes} bytes\n`));
  });
  count.listen(GOOD_PORTS.halfClose);
  createServer((socket) => socket.resume()).listen(GOOD_PORTS.upload);
  serveTls();
  setImmediate(() => process.stdout.write('ready\n'));
}

/** Exchanges a few messages, the last of them with closes. */
function websocket(host: string): void {
  const socket = new WebSocket(`ws://${host}:${GOOD_PORTS.websocket}/`);
  let left = 5;
  socket.on('open', () => socket.send('hello'));
  socket.on('message', () => (--left > 0 ? socket.send('hello') : socket.close(1000)));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [command, host = ''] = process.argv.slice(2);
  if (command === 'serve') serve();
  else if (command === 'websocket') websocket(host);
  else await Promise.all(TLS_SERVERS.map(({ port, closing, version }) => askTls(host, port, closing, version)));
}
