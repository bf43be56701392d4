/**
 * Servers for `http.test.ts` that no package brings: an HTTP/1 server that also upgrades and tunnels, an HTTP/2 server
 * in clear, and one that agrees to `Upgrade: h2c`. Run as a program; says `ready` when all listen.
 */
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import { frame } from '../tools/http2-bytes.ts';

export const NODE_PORT = 8082;
export const NODE_HTTP2_PORT = 8083;
export const H2C_PORT = 8084;

const FRAME_HEADER_BYTES = 9;
const PREFACE_BYTES = 24;
const HEADERS = 1;
const SETTINGS = 4;
const STATUS_200 = Buffer.of(0x88);

function http1(): void {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.end('X-Pepe: not in a request'));
  });
  server.on('upgrade', (_request, socket: Socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    socket.pipe(socket);
  });
  server.on('connect', (request, socket: Socket, head: Buffer) => {
    const [host, port] = (request.url ?? '').split(':');
    const upstream = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
  });
  server.listen(NODE_PORT);
}

function http2(): void {
  const server = createHttp2Server({ settings: { headerTableSize: 16_384 } });
  server.on('stream', (stream) => {
    stream.resume();
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end('X-Pepe: not in a request');
  });
  server.listen(NODE_HTTP2_PORT);
}

/** Answers `200` to the request that asked for the upgrade (stream 1) and to every HEADERS that follows. */
function h2c(): void {
  const server = createTcpServer((socket) => {
    let pending = Buffer.alloc(0);
    let upgraded = false;
    let prefaceLeft = PREFACE_BYTES;
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      pending = Buffer.concat([pending, bytes]);
      if (!upgraded) {
        const end = pending.indexOf('\r\n\r\n');
        if (end < 0) return;
        upgraded = true;
        pending = pending.subarray(end + 4);
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
        socket.write(frame(SETTINGS, 0, 0));
      }
      if (prefaceLeft > 0) {
        if (pending.length < prefaceLeft) return;
        pending = pending.subarray(prefaceLeft);
        prefaceLeft = 0;
      }
      while (pending.length >= FRAME_HEADER_BYTES) {
        const end = FRAME_HEADER_BYTES + pending.readUIntBE(0, 3);
        if (pending.length < end) return;
        if (pending[3] === HEADERS) socket.write(frame(HEADERS, 5, pending.readUInt32BE(5), STATUS_200));
        // The answer to the upgraded request goes with the last word the client waits for: whatever came
        // after it could meet a client that has closed, whose RST would be a true event.
        if (pending[3] === SETTINGS && (pending[4] & 1) === 0)
          socket.write(Buffer.concat([frame(SETTINGS, 1, 0), frame(HEADERS, 5, 1, STATUS_200)]));
        pending = pending.subarray(end);
      }
    });
  });
  server.listen(H2C_PORT);
}

if (process.argv[2] === 'serve') {
  http1();
  http2();
  h2c();
  setImmediate(() => process.stdout.write('ready\n'));
}
