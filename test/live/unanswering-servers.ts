/**
 * Servers that leave requests without an answer, each in its way: one on each port of `PORTS`. Run as a program in a
 * directory with `rsa.pem` and `rsa.key`; it says `ready` when all listen.
 */
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { pathToFileURL } from 'node:url';

/** Where each of them listens. */
export const PORTS = {
  orderly: 7001,
  silent: 7002,
  silentAndOpen: 7003,
  halfOfLength: 7004,
  withoutLastChunk: 7005,
  inMidRecord: 7006,
  keepAlive: 7007,
  postgres: 7008,
  hangsUp: 7009,
  late: 7010,
  neverCloses: 7011,
  closesFirst: 7012,
  vanishing: 7013,
  abandoned: 7014,
  abandonedWeb: 8080,
} as const;

/** How long the server of `late` takes. */
export const LATE_MS = 1_500;
/** How long the server of `keepAlive` keeps an idle connection, about: Node adds a second. */
const KEEP_ALIVE_MS = 200;
const TLS_BACKEND = 7_900;
/** Of a TLS connection with a long answer, so many bytes are in the middle of a record of the answer. */
const MIDDLE_BYTES = 40_000;
const LONG_ANSWER = Buffer.alloc(200_000, 'x');
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n';

type Serve = (socket: Socket) => void;

/** Reads what comes and says nothing. */
const silent: Serve = (socket) => socket.resume();

/** Hands a TLS connection on to another server and closes it, as a proxy that fails, after `MIDDLE_BYTES`. */
function inMidRecord(socket: Socket): void {
  const backend = connect(TLS_BACKEND);
  let leftBytes = MIDDLE_BYTES;
  socket.pipe(backend);
  backend.on('error', () => undefined);
  backend.on('data', (bytes) => {
    if (leftBytes === 0) return;
    socket.write(bytes.subarray(0, leftBytes));
    leftBytes -= Math.min(leftBytes, bytes.length);
    if (leftBytes > 0) return;
    socket.end();
    backend.destroy();
  });
}

/** Servers of sockets; those of the second list leave it to the program to close after the other side did. */
const CLOSING: Readonly<Record<number, Serve>> = {
  [PORTS.silent]: silent,
  [PORTS.abandoned]: silent,
  [PORTS.abandonedWeb]: silent,
  [PORTS.inMidRecord]: inMidRecord,
  [PORTS.postgres]: (socket) => socket.on('data', () => socket.write('N')),
  [PORTS.hangsUp]: (socket) => socket.on('data', () => socket.end()),
  [PORTS.closesFirst]: (socket) => socket.on('data', () => socket.end(ANSWER.replace('OK', 'OK\r\nConnection: close'))),
  [PORTS.vanishing]: (socket) => socket.on('data', () => socket.write(ANSWER)),
};
const STAYING_OPEN: Readonly<Record<number, Serve>> = {
  [PORTS.silentAndOpen]: silent,
  [PORTS.neverCloses]: (socket) => socket.on('data', () => socket.write(ANSWER)),
  [PORTS.late]: (socket) => socket.on('data', () => setTimeout(() => socket.end(ANSWER), LATE_MS)),
};
const WEB: Readonly<Record<number, RequestListener>> = {
  [PORTS.orderly]: (_request, response) => response.end('ok\n'),
  [PORTS.keepAlive]: (_request, response) => response.end('ok\n'),
  [PORTS.halfOfLength]: (_request, response) => {
    response.writeHead(200, { 'Content-Length': 1_000 });
    response.write('x'.repeat(500), () => response.destroy());
  },
  [PORTS.withoutLastChunk]: (_request, response) => response.write('x'.repeat(500), () => response.destroy()),
};

function listen(servers: Readonly<Record<number, Serve>>, allowHalfOpen: boolean): void {
  for (const [port, serve] of Object.entries(servers)) {
    const server = createServer({ allowHalfOpen }, (socket) => {
      socket.on('error', () => undefined); // that clients give up is part of the plan
      serve(socket);
    });
    server.listen(Number(port));
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  listen(CLOSING, false);
  listen(STAYING_OPEN, true);
  for (const [port, listener] of Object.entries(WEB)) {
    createHttpServer({ keepAliveTimeout: KEEP_ALIVE_MS }, listener).listen(Number(port));
  }
  const tls = { cert: readFileSync('rsa.pem'), key: readFileSync('rsa.key') };
  createHttpsServer(tls, (_request, response) => response.end(LONG_ANSWER)).listen(TLS_BACKEND);
  setImmediate(() => process.stdout.write('ready\n'));
}
